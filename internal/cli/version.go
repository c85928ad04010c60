package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

func runVersion(_ options, t terminal) error {
	_, err := fmt.Fprintf(t.out, "wxproxy %s, %s, commit %s\n", version(), runtime.Version(), commit())
	return err
}

// version is the module's version: the tag it was built from, if any.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "unknown"
}

// commit is the Git commit that the program was built from, if Go noted it.
func commit() string {
	info, _ := debug.ReadBuildInfo()
	if info == nil {
		return "unknown"
	}
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" {
			return setting.Value
		}
	}
	return "unknown"
}
