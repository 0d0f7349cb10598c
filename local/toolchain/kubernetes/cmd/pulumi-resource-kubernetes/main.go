// The Pulumi provider for Kubernetes, built from its Go module.
//
// The provider's own main embeds a schema that is generated at release time and
// is not part of the module. Resource operations do not read it: the engine asks
// for it only to generate SDKs, which this project takes from PyPI.
package main

import (
	"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/provider"
	"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/version"
)

func main() {
	provider.Serve("kubernetes", version.Version, []byte(`{"name":"kubernetes"}`), []byte(`{}`))
}
