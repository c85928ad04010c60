package token

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// ErrNotOurs tells that a token directory is another user's.
var ErrNotOurs = errors.New("belongs to another user than the one who runs wxproxy")

// CheckDir says why the tokens in a directory cannot be trusted: another user than
// the process's own or root could have put them there. Remark is about one that is
// trusted all the same. A directory that is not there is neither.
func CheckDir(dir string) (remark string, err error) {
	info, err := os.Stat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("looking at the token directory: %w", err)
	}
	if !info.IsDir() {
		return "", fmt.Errorf("the token directory %s is a file", dir)
	}
	o, known := ownerOf(info)
	if !known {
		return "", nil
	}
	mode := info.Mode()
	sticky, asked := mode&fs.ModeSticky != 0, fmt.Sprintf("user %d, mode %#o", o.user, mode.Perm())
	byAll, byGroup := mode.Perm()&0o002 != 0 && !sticky, mode.Perm()&0o020 != 0 && !sticky
	switch {
	case byAll:
		return "", fmt.Errorf("the token directory %s can be written by every user (%s), so a token in it may be anybody's; chmod 700 it, or name one in it that is not there yet", dir, asked)
	case byGroup && !o.ofOurGroups():
		return "", fmt.Errorf("the token directory %s can be written by group %d, which is not ours (%s); chmod 700 it", dir, o.group, asked)
	case !o.trusted():
		return "", fmt.Errorf("the token directory %s %w, user %d, or root (%s); chown it, and chmod 700 it", dir, ErrNotOurs, os.Geteuid(), asked)
	case byGroup:
		return fmt.Sprintf("the token directory %s can be written by its group, %d (%s); is that group wxproxy's alone?", dir, o.group, asked), nil
	}
	return "", nil
}

// readTrusted returns the beginning of a file that nobody else can have written:
// a plain one, no link to another.
func readTrusted(path string) ([]byte, error) {
	file, err := openPlain(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	o, known := ownerOf(info)
	switch {
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is no plain file", path)
	case known && !o.trusted():
		return nil, fmt.Errorf("%s belongs to user %d, who may have planted it", path, o.user)
	case known && (info.Mode()&0o002 != 0 || info.Mode()&0o020 != 0 && !o.ofOurGroups()):
		return nil, fmt.Errorf("%s has mode %#o, so others may have planted what it says", path, info.Mode().Perm())
	}
	return io.ReadAll(io.LimitReader(file, maxAnswer))
}
