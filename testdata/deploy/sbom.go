package main

import (
	"os"
	"path/filepath"
	"strings"

	cyclonedx "github.com/CycloneDX/cyclonedx-go"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// sbom checks a bill of materials against the schema of CycloneDX, which lies in the
// folder schemas, and as its library reads it.
func sbom(path, schemas string) []string {
	compiler := jsonschema.NewCompiler()
	for _, name := range []string{"bom-1.6.schema.json", "spdx.schema.json", "jsf-0.82.schemax.json"} {
		file, err := os.Open(filepath.Join(schemas, name))
		if err != nil {
			return []string{err.Error()}
		}
		schema, err := jsonschema.UnmarshalJSON(file)
		if err != nil {
			return []string{name + ": " + err.Error()}
		}
		if err := compiler.AddResource("http://cyclonedx.org/schema/"+strings.Replace(name, "schemax", "schema", 1), schema); err != nil {
			return []string{err.Error()}
		}
	}
	schema, err := compiler.Compile("http://cyclonedx.org/schema/bom-1.6.schema.json")
	if err != nil {
		return []string{err.Error()}
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return []string{err.Error()}
	}
	bill, err := jsonschema.UnmarshalJSON(strings.NewReader(string(content)))
	if err == nil {
		err = schema.Validate(bill)
	}
	if err == nil {
		err = cyclonedx.NewBOMDecoder(strings.NewReader(string(content)), cyclonedx.BOMFileFormatJSON).Decode(new(cyclonedx.BOM))
	}
	if err != nil {
		return []string{err.Error()}
	}
	return nil
}
