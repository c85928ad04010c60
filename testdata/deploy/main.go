// Command deploy checks a file of deploy/ as the program that it is for would, and
// what that program leaves unchecked: whether the parts of the file fit together.
// It writes each mistake to standard error, or the containers that the file
// describes, with the files and the environment they get, as JSON to standard
// output.
//
//	deploy kubernetes|compose FILE
package main

import (
	"encoding/json"
	"fmt"
	"os"
)

// A container is what runs, and what it finds when it does.
type container struct {
	Name  string
	Image string
	Env   map[string]string
	Files []file

	// Grace is how many seconds pass from SIGTERM to SIGKILL.
	Grace int

	// Served says that a Service sends requests there.
	Served bool
}

// A file is one that is mounted into a container.
type file struct {
	Path    string
	Content string
	Mode    os.FileMode
}

func main() {
	checks := map[string]func(path string) ([]container, []string){"kubernetes": kubernetes, "compose": compose}
	if len(os.Args) != 3 || checks[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: deploy kubernetes|compose FILE")
		os.Exit(2)
	}
	containers, mistakes := checks[os.Args[1]](os.Args[2])
	for _, mistake := range mistakes {
		fmt.Fprintln(os.Stderr, mistake)
	}
	if len(mistakes) > 0 {
		os.Exit(1)
	}
	if err := json.NewEncoder(os.Stdout).Encode(containers); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
