package cli

import (
	"fmt"
	"io"
	"strings"
)

// runCompletion prints the script of a shell, which completes without running wxproxy.
func runCompletion(o options, t terminal) error {
	script := map[string]func() string{"bash": bashCompletion, "zsh": zshCompletion, "fish": fishCompletion}[o.word]
	_, err := io.WriteString(t.out, script())
	return err
}

// names returns the names of all commands.
func names() string {
	var all []string
	for _, c := range subcommands(new(options)) {
		all = append(all, c.name)
	}
	return strings.Join(all, " ")
}

// bashCompletion also works in bash 3.2, which macOS has.
func bashCompletion() string {
	var cases, values strings.Builder
	for _, c := range subcommands(new(options)) {
		words := append([]string(nil), c.words...)
		for _, f := range c.flags {
			words = append(words, "-"+f.name)
			switch {
			case f.value == "FILE":
				fmt.Fprintf(&values, "\t%[1]s:-%[2]s|%[1]s:--%[2]s) compopt -o default 2>/dev/null || COMPREPLY=($(compgen -f -- \"$cur\")); return ;;\n", c.name, f.name)
			case f.value != "":
				fmt.Fprintf(&values, "\t%[1]s:-%[2]s|%[1]s:--%[2]s) return ;;\n", c.name, f.name)
			}
		}
		for _, word := range c.words {
			if c.names == "FILE" {
				fmt.Fprintf(&values, "\t%s:%s) compopt -o default 2>/dev/null || COMPREPLY=($(compgen -f -- \"$cur\")); return ;;\n", c.name, word)
			}
		}
		fmt.Fprintf(&cases, "\t%s) words=%s ;;\n", c.name, quoted(strings.Join(words, " ")))
	}
	return `# wxproxy in bash: eval "$(wxproxy completion bash)"
_wxproxy() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} command=serve words
	COMPREPLY=()
	[[ $COMP_CWORD -gt 1 && ${COMP_WORDS[1]} != -* ]] && command=${COMP_WORDS[1]}
	case $command:$prev in
` + values.String() + `	esac
	case $command in
` + cases.String() + `	esac
	[[ $COMP_CWORD -eq 1 && $cur != -* ]] && words=` + quoted(names()) + `
	[[ $cur == --* ]] && words=${words//-/--}
	COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -F _wxproxy wxproxy
`
}

func zshCompletion() string {
	var described, cases strings.Builder
	for _, c := range subcommands(new(options)) {
		fmt.Fprintf(&described, "\t\t\t%s\n", quoted(c.name+":"+c.does))
		if arguments := zshArguments(c); arguments != "" {
			fmt.Fprintf(&cases, "\t%s) _arguments%s ;;\n", c.name, arguments)
		}
	}
	return `#compdef wxproxy
# wxproxy in zsh, after compinit: eval "$(wxproxy completion zsh)", or a file _wxproxy in $fpath
_wxproxy() {
	local command=serve
	if [[ ${words[2]} != -* ]]; then
		if (( CURRENT == 2 )); then
			local -a commands=(
` + described.String() + `			)
			_describe command commands
			return
		fi
		command=${words[2]}
		shift words
		(( CURRENT-- ))
	fi
	case $command in
` + cases.String() + `	esac
}
if [[ ${funcstack[1]} == _wxproxy ]]; then _wxproxy "$@"; else compdef _wxproxy wxproxy; fi
`
}

// zshArguments returns the arguments of _arguments for c.
func zshArguments(c command) (arguments string) {
	for _, f := range c.flags {
		argument := "-" + f.name + "[" + f.does + "]"
		switch {
		case f.value == "FILE":
			argument += ":" + f.value + ":_files"
		case f.value != "":
			argument += ":" + f.value + ": "
		}
		arguments += " " + quoted(argument)
	}
	if len(c.words) > 0 {
		arguments += " " + quoted("1:word:("+strings.Join(c.words, " ")+")")
		if c.names == "FILE" {
			arguments += " " + quoted("2:FILE:_files")
		}
	}
	return arguments
}

func fishCompletion() string {
	var script strings.Builder
	script.WriteString("# wxproxy in fish: wxproxy completion fish | source\ncomplete -c wxproxy -f\n")
	for i, c := range subcommands(new(options)) {
		fmt.Fprintf(&script, "complete -c wxproxy -n __fish_use_subcommand -a %s -d %s\n", c.name, quoted(c.does))
		when := "__fish_seen_subcommand_from " + c.name
		if i == 0 {
			when = "__fish_use_subcommand; or " + when // it is the default
		}
		for _, f := range c.flags {
			takes := map[string]string{"": "", "FILE": "-r -F "}
			more, known := takes[f.value]
			if !known {
				more = "-x "
			}
			fmt.Fprintf(&script, "complete -c wxproxy -n %s -o %s %s-d %s\n", quoted(when), f.name, more, quoted(f.does))
		}
		if len(c.words) > 0 {
			fmt.Fprintf(&script, "complete -c wxproxy -n %s -a %s\n", quoted(when), quoted(strings.Join(c.words, " ")))
			if c.names == "FILE" {
				fmt.Fprintf(&script, "complete -c wxproxy -n %s -F\n", quoted("__fish_seen_subcommand_from "+strings.Join(c.words, " ")))
			}
		}
	}
	return script.String()
}

// quoted returns s as one word of a shell. No text here has a quote, for which fish
// would need \' instead.
func quoted(s string) string {
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
