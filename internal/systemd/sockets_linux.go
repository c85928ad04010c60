package systemd

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"

	"github.com/coreos/go-systemd/v22/activation"
	"golang.org/x/sys/unix"

	"wxproxy/config"
)

// Sockets returns the listeners that systemd has opened for the process. Sockets
// without a name of their own, and those called "proxy", are for callers; "admin" is
// for operators, "push" for WeChat's pushes. Any other socket would never be answered: it
// is a mistake.
func Sockets() (opened Opened, err error) {
	var mistakes []error
	for _, file := range activation.Files(true) {
		ln, err := listenerOf(file)
		switch name := file.Name(); {
		case err != nil:
			mistakes = append(mistakes, socketMistake(name, err))
		case name == "admin":
			opened.Operators = append(opened.Operators, ln)
		case name == "push":
			opened.Pushes = append(opened.Pushes, ln)
		case isForCallers(name):
			opened.Callers = append(opened.Callers, ln)
		default:
			mistakes = append(mistakes, socketMistake(name, errors.New(
				`is of no use under this name; leave FileDescriptorName= out or write "proxy" for callers, write "admin" for operators, or "push" for WeChat's pushes`)))
		}
		file.Close()
	}
	return opened, errors.Join(mistakes...)
}

func socketMistake(name string, err error) error {
	return config.Problem{Where: "systemd", Key: "the socket " + name, Text: err}
}

// isForCallers reports whether a socket has the name that systemd or package
// activation gives to those without one.
func isForCallers(name string) bool {
	return name == "proxy" || name == "unknown" || strings.HasSuffix(name, ".socket") || strings.HasPrefix(name, "LISTEN_FD_")
}

// listenerOf returns a socket as a listener.
func listenerOf(file *os.File) (net.Listener, error) {
	raw, err := file.SyscallConn()
	if err != nil {
		return nil, err
	}
	var kind, listens int
	var typeErr, listenErr error
	if err := raw.Control(func(fd uintptr) {
		kind, typeErr = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_TYPE)
		listens, listenErr = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_ACCEPTCONN)
	}); err != nil {
		return nil, err
	}
	switch {
	case errors.Is(typeErr, unix.ENOTSOCK):
		return nil, errors.New("is no socket; open a stream socket with ListenStream=")
	case typeErr != nil || listenErr != nil:
		return nil, fmt.Errorf("cannot be used: %w", errors.Join(typeErr, listenErr))
	case kind != unix.SOCK_STREAM:
		return nil, errors.New("is no stream socket; open one with ListenStream=")
	case listens == 0:
		return nil, errors.New("does not listen; it takes Accept=no")
	}
	ln, err := net.FileListener(file)
	if err != nil {
		return nil, fmt.Errorf("cannot be taken over: %w", err)
	}
	return ln, nil
}
