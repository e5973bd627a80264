//go:build tools

// Package tools pins k6, which is built from its module where it isn't installed.
package tools

import _ "go.k6.io/k6"
