// Command crd-check tells whether Kubernetes would take objects: it judges them as an API server does, by the schemas of
// their custom resource definitions, with what these say of unknown fields and in CEL.
//
//	crd-check OBJECTS.yaml DEFINITIONS.yaml...
//
// It prints a line for each fault, and a last one that counts the objects. Exit code 0 all are taken, 1 one is not, 2 it
// could not tell.
package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	kubeschema "k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/apimachinery/pkg/util/yaml"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
)

type definition struct {
	structural *schema.Structural
	validator  validation.SchemaValidator
}

func main() {
	if len(os.Args) < 3 {
		fail(errors.New("name a file of objects, and files of definitions"))
	}
	definitions := map[kubeschema.GroupVersionKind]definition{}
	for _, path := range os.Args[2:] {
		each(path, func(document []byte) error { return define(document, definitions) })
	}
	objects, faults := 0, 0
	each(os.Args[1], func(document []byte) error {
		object := &unstructured.Unstructured{}
		if err := yaml.Unmarshal(document, &object.Object); err != nil {
			return err
		}
		if len(object.Object) == 0 {
			return nil
		}
		objects++
		for _, fault := range judge(object, definitions) {
			faults++
			fmt.Printf("%s %s: %s\n", object.GetKind(), object.GetName(), fault)
		}
		return nil
	})
	fmt.Printf("%d objects, %d faults\n", objects, faults)
	if faults > 0 || objects == 0 {
		os.Exit(1)
	}
}

// define adds the definition, by each of its versions.
func define(document []byte, definitions map[kubeschema.GroupVersionKind]definition) error {
	written := apiextensionsv1.CustomResourceDefinition{}
	if err := yaml.Unmarshal(document, &written); err != nil {
		return err
	}
	if written.Kind != "CustomResourceDefinition" {
		return nil
	}
	for _, version := range written.Spec.Versions {
		internal := apiextensions.CustomResourceValidation{}
		if err := apiextensionsv1.Convert_v1_CustomResourceValidation_To_apiextensions_CustomResourceValidation(version.Schema, &internal, nil); err != nil {
			return err
		}
		structural, err := schema.NewStructural(internal.OpenAPIV3Schema)
		if err != nil {
			return err
		}
		validator, _, err := validation.NewSchemaValidator(internal.OpenAPIV3Schema)
		if err != nil {
			return err
		}
		kind := kubeschema.GroupVersionKind{Group: written.Spec.Group, Version: version.Name, Kind: written.Spec.Names.Kind}
		definitions[kind] = definition{structural, validator}
	}
	return nil
}

// judge answers all that is wrong with the object, in the order in which an API server looks.
func judge(object *unstructured.Unstructured, definitions map[kubeschema.GroupVersionKind]definition) []string {
	if object.GetName() == "" {
		return []string{"metadata.name: is missing"}
	}
	kind := object.GroupVersionKind()
	// What is built in has no definition here.
	if kind.Group == "" {
		return nil
	}
	definition, found := definitions[kind]
	if !found {
		return []string{fmt.Sprintf("%s: there is no definition of it", kind)}
	}
	var faults []string
	options := schema.UnknownFieldPathOptions{TrackUnknownFieldPaths: true}
	unknown := pruning.PruneWithOptions(runtime.DeepCopyJSON(object.Object), definition.structural, true, options)
	for _, path := range unknown {
		faults = append(faults, path+": unknown field")
	}
	defaulting.Default(object.Object, definition.structural)
	for _, err := range validation.ValidateCustomResource(nil, object.Object, definition.validator) {
		faults = append(faults, err.Error())
	}
	if len(faults) > 0 {
		return faults
	}
	rules := cel.NewValidator(definition.structural, true, celconfig.PerCallLimit)
	errs, _ := rules.Validate(context.Background(), field.NewPath(""), definition.structural, object.Object, nil, celconfig.RuntimeCELCostBudget)
	for _, err := range errs {
		faults = append(faults, err.Error())
	}
	return faults
}

// each hands over each document of a file.
func each(path string, use func([]byte) error) {
	content, err := os.ReadFile(path)
	if err != nil {
		fail(err)
	}
	reader := yaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(content)))
	for {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return
		}
		if err == nil {
			err = use(document)
		}
		if err != nil {
			fail(fmt.Errorf("%s: %w", path, err))
		}
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "crd-check:", err)
	os.Exit(2)
}
