package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"wxproxy/internal/language"
)

// A tokenDir is a directory for tokens, and its owner and mode.
type tokenDir struct {
	path  string
	owner owner
	mode  fs.FileMode
	known bool // false: it is not there, or this system does not tell whose it is
}

func lookAtDir(path string) (tokenDir, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return tokenDir{}, nil
	}
	if err != nil {
		return tokenDir{}, language.Textf("looking at the token directory: %w", err)
	}
	if !info.IsDir() {
		return tokenDir{}, language.Textf("the token directory %s is a file", path)
	}
	o, known := ownerOf(info)
	return tokenDir{path, o, info.Mode(), known}, nil
}

// mayWrite reports whether those of a permission bit can put a file in the place of
// another. In a sticky directory they can only add one.
func (d tokenDir) mayWrite(bit fs.FileMode) bool {
	return d.mode.Perm()&bit != 0 && d.mode&fs.ModeSticky == 0
}

const (
	byGroup fs.FileMode = 0o020
	byAll   fs.FileMode = 0o002
)

// asked tells what the directory was judged by.
func (d tokenDir) asked() *language.Text {
	mode := d.mode.Perm()
	for special, octal := range map[fs.FileMode]fs.FileMode{fs.ModeSticky: 0o1000, fs.ModeSetgid: 0o2000, fs.ModeSetuid: 0o4000} {
		if d.mode&special != 0 {
			mode |= octal
		}
	}
	return language.Textf("user %d, mode %#o", d.owner.user, uint32(mode))
}

// errOpen returns why no user can trust the directory; nil if that depends on the user.
func (d tokenDir) errOpen() error {
	if !d.mayWrite(byAll) {
		return nil
	}
	return language.Textf("the token directory %s can be written by every user (%s), so a token in it may be anybody's; "+
		`write store = "file:%s", a directory in it that wxproxy makes, or chmod 700 it`, d.path, d.asked(), filepath.Join(d.path, "tokens"))
}

// remark returns what is worth a word of a directory that is trusted.
func (d tokenDir) remark() *language.Text {
	switch {
	case d.mayWrite(byGroup):
		return language.Textf("the token directory %s can be written by its group, %d (%s); is that group wxproxy's alone?", d.path, d.owner.group, d.asked())
	case d.mode.Perm()&byAll != 0: // and it is sticky
		return language.Textf("every user may put files into the token directory %s (%s), and so keep wxproxy from storing tokens; "+
			`write store = "file:%s", a directory in it that wxproxy makes`, d.path, d.asked(), filepath.Join(d.path, "tokens"))
	}
	return nil
}

// checkDir says why the tokens in a directory cannot be trusted: another user than
// the process's own or root could have put them there. Remark is about one that is
// trusted all the same. A directory that is not there is neither.
func checkDir(dir string) (remark *language.Text, err error) {
	d, err := lookAtDir(dir)
	if err != nil || !d.known {
		return nil, err
	}
	if err := d.errOpen(); err != nil {
		return nil, err
	}
	switch {
	case d.mayWrite(byGroup) && !d.owner.ofOurGroups():
		return nil, language.Textf("the token directory %s can be written by group %d, which is not ours (%s); chmod 700 it", dir, d.owner.group, d.asked())
	case !d.owner.trusted():
		return nil, language.Textf("the token directory %s belongs to another user than the one who runs wxproxy, user %d, or root (%s); chown it, and chmod 700 it", dir, os.Geteuid(), d.asked())
	}
	return d.remark(), nil
}

// CheckDirOfOthers says of a directory why no user could trust the tokens in it, or,
// in note, which users can. It is for checks by root, or by a user that is not the
// owner: which user will run wxproxy is not known then. The owner gets what checkDir
// says.
func CheckDirOfOthers(dir string) (note *language.Text, err error) {
	d, err := lookAtDir(dir)
	if err != nil || !d.known {
		return nil, err
	}
	if us := os.Geteuid(); us != 0 && us == d.owner.user {
		return checkDir(dir)
	}
	if err := d.errOpen(); err != nil {
		return nil, err
	}
	switch {
	case d.owner.user != 0:
		note = language.Textf("the token directory %s belongs to another user, %d (%s): serve has to run as user %d or root", dir, d.owner.user, d.asked(), d.owner.user)
	case d.mayWrite(byGroup):
		note = language.Textf("the token directory %s is root's (%s): serve has to run as root", dir, d.asked())
	default:
		return d.remark(), nil
	}
	if d.mayWrite(byGroup) {
		note = language.Textf("%s, and in group %d, which may write it and should be wxproxy's alone", note, d.owner.group)
	}
	return note, nil
}

// readTrusted returns the beginning of a file that no other user can have written: a
// plain one, no link to another.
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
	return io.ReadAll(io.LimitReader(file, maxFile))
}
