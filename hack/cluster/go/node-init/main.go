// Node-init is the two ends of the local cluster's node.
//
//	node-init listen ADDRESS PORT_FILE COMMAND...
//	    opens a listener in the caller's network namespace, writes its port to PORT_FILE and becomes COMMAND, which
//	    inherits the listener as file descriptor 3.
//	node-init serve TARGET
//	    process 1 of the node's namespaces: reaps orphans, and joins every connection of that listener to TARGET, an
//	    address in the node's network namespace. The listener ends with the node: nothing of it stays on the machine.
package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"syscall"
)

const listenerDescriptor = 3

func main() {
	var err error
	switch {
	case len(os.Args) > 4 && os.Args[1] == "listen":
		err = listen(os.Args[2], os.Args[3], os.Args[4:])
	case len(os.Args) == 3 && os.Args[1] == "serve":
		err = serve(os.Args[2])
	default:
		err = fmt.Errorf("usage: node-init listen ADDRESS PORT_FILE COMMAND... | serve TARGET")
	}
	fmt.Fprintln(os.Stderr, "node-init:", err)
	os.Exit(1)
}

func listen(address, portFile string, command []string) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	file, err := listener.(*net.TCPListener).File()
	if err != nil {
		return err
	}
	// Dup3 clears close-on-exec on the copy.
	if int(file.Fd()) != listenerDescriptor {
		if err := syscall.Dup3(int(file.Fd()), listenerDescriptor, 0); err != nil {
			return err
		}
	}
	port := strconv.Itoa(listener.Addr().(*net.TCPAddr).Port)
	if err := os.WriteFile(portFile, []byte(port+"\n"), 0o600); err != nil {
		return err
	}
	program, err := exec.LookPath(command[0])
	if err != nil {
		return err
	}
	return syscall.Exec(program, command, os.Environ())
}

func serve(target string) error {
	go reap()
	listener, err := net.FileListener(os.NewFile(listenerDescriptor, "listener"))
	if err != nil {
		return err
	}
	for {
		connection, err := listener.Accept()
		if err != nil {
			return err
		}
		go join(connection.(*net.TCPConn), target)
	}
}

func join(outside *net.TCPConn, target string) {
	defer outside.Close()
	connection, err := net.Dial("tcp", target)
	if err != nil {
		// The client sees the connection closed, as it would by a server that is not up.
		return
	}
	inside := connection.(*net.TCPConn)
	defer inside.Close()
	done := make(chan struct{})
	go func() {
		io.Copy(inside, outside)
		inside.CloseWrite()
		close(done)
	}()
	io.Copy(outside, inside)
	outside.CloseWrite()
	<-done
}

func reap() {
	children := make(chan os.Signal, 16)
	signal.Notify(children, syscall.SIGCHLD)
	for range children {
		for {
			if pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); pid <= 0 || err != nil {
				break
			}
		}
	}
}
