package newconfig

import (
	"io/fs"
	"os"
)

// keepReaders does nothing: the folder of a file says who may read it.
func keepReaders(*os.File, fs.FileInfo) error { return nil }
