// Volume makes and removes the folder of one local volume: what local-path-provisioner's helper pod runs instead of a
// shell, so that its image needs none.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

func main() {
	if err := run(os.Args[1:], os.Getenv("VOL_DIR")); err != nil {
		fmt.Fprintln(os.Stderr, "volume:", err)
		os.Exit(1)
	}
}

func run(arguments []string, directory string) error {
	if !filepath.IsAbs(directory) {
		return fmt.Errorf("VOL_DIR is not an absolute path: %q", directory)
	}
	action := slices.Index(arguments, "-a") + 1
	if action == 0 || action == len(arguments) {
		return fmt.Errorf("no action: %q", arguments)
	}
	switch arguments[action] {
	case "create":
		if err := os.MkdirAll(directory, 0o777); err != nil {
			return err
		}
		// Pods run as any user, and the umask took the others' rights away.
		return os.Chmod(directory, 0o777)
	case "delete":
		return os.RemoveAll(directory)
	default:
		return fmt.Errorf("unknown action %q", arguments[action])
	}
}
