package newconfig

import "golang.org/x/sys/windows"

// isTerminal reports whether somebody sits at the other end of a file.
func isTerminal(fd uintptr) bool {
	var mode uint32
	return windows.GetConsoleMode(windows.Handle(fd), &mode) == nil
}

// hide has a console not show what is typed, until the function that it returns is called.
func hide(fd uintptr) (show func(), err error) {
	var before uint32
	if err := windows.GetConsoleMode(windows.Handle(fd), &before); err != nil {
		return nil, err
	}
	if err := windows.SetConsoleMode(windows.Handle(fd), before&^windows.ENABLE_ECHO_INPUT); err != nil {
		return nil, err
	}
	return func() { _ = windows.SetConsoleMode(windows.Handle(fd), before) }, nil
}
