//go:build tools

// Package william names what is built here, so that go.sum covers it.
package william

import _ "github.com/psanford/wormhole-william/cmd"
