// The Pulumi provider for Kubernetes, built from its Go module.
//
// The provider's own main embeds a schema that is generated at release time and
// is not part of the module. The engine asks for it to generate SDKs, which this
// project takes from PyPI. Of resource operations only an import reads it, for the
// fields of an object that are a resource's inputs: those are here.
package main

import (
	"encoding/json"

	"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/provider"
	"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/version"
)

// What every object has.
var common = []string{"apiVersion", "kind", "metadata"}

// The further fields of the kinds that the program makes, by their types.
var fields = map[string][]string{
	"kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition": {"spec"},
	"kubernetes:apps/v1:Deployment":                               {"spec"},
	"kubernetes:apps/v1:StatefulSet":                              {"spec"},
	"kubernetes:autoscaling/v2:HorizontalPodAutoscaler":           {"spec"},
	"kubernetes:core/v1:ConfigMap":                                {"binaryData", "data", "immutable"},
	"kubernetes:core/v1:Namespace":                                {"spec"},
	"kubernetes:core/v1:PersistentVolumeClaim":                    {"spec"},
	"kubernetes:core/v1:ResourceQuota":                            {"spec"},
	"kubernetes:core/v1:Secret":                                   {"data", "immutable", "stringData", "type"},
	"kubernetes:core/v1:Service":                                  {"spec"},
	"kubernetes:networking.k8s.io/v1:Ingress":                     {"spec"},
	"kubernetes:networking.k8s.io/v1:NetworkPolicy":               {"spec"},
	"kubernetes:policy/v1:PodDisruptionBudget":                    {"spec"},
}

type resource struct {
	InputProperties map[string]struct{} `json:"inputProperties"`
}

func main() {
	provider.Serve("kubernetes", version.Version, schema(), []byte(`{}`))
}

func schema() []byte {
	resources := map[string]resource{}
	for token, own := range fields {
		inputs := map[string]struct{}{}
		for _, field := range append(append([]string{}, common...), own...) {
			inputs[field] = struct{}{}
		}
		resources[token] = resource{inputs}
	}
	made, err := json.Marshal(map[string]any{"name": "kubernetes", "resources": resources})
	if err != nil {
		panic(err)
	}
	return made
}
