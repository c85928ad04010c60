// Command sbom lists what is compiled into a program of Go, as a bill of materials of
// CycloneDX: the modules that the program itself names, and Go's standard library. The
// same program gives the same bytes; $SOURCE_DATE_EPOCH is when it was made.
//
//	sbom PROGRAM >PROGRAM.cdx.json
package main

import (
	"cmp"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"time"
)

// A bill is the document.
type bill struct {
	Schema       string      `json:"$schema"`
	BomFormat    string      `json:"bomFormat"`
	SpecVersion  string      `json:"specVersion"`
	SerialNumber string      `json:"serialNumber"`
	Version      int         `json:"version"`
	Metadata     metadata    `json:"metadata"`
	Components   []component `json:"components"`
}

type metadata struct {
	Timestamp time.Time `json:"timestamp"`
	Component component `json:"component"`
}

type component struct {
	Type     string    `json:"type"`
	Ref      string    `json:"bom-ref"`
	Name     string    `json:"name"`
	Version  string    `json:"version"`
	Scope    string    `json:"scope,omitempty"`
	Hashes   []hash    `json:"hashes,omitempty"`
	Licenses []license `json:"licenses,omitempty"`
	PURL     string    `json:"purl"`
}

type hash struct {
	Alg     string `json:"alg"`
	Content string `json:"content"`
}

type license struct {
	License struct {
		ID string `json:"id"`
	} `json:"license"`
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: sbom PROGRAM")
		os.Exit(2)
	}
	if err := write(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "sbom:", err)
		os.Exit(1)
	}
}

func write(path string) error {
	program, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		return err
	}
	made, err := strconv.ParseInt(os.Getenv("SOURCE_DATE_EPOCH"), 10, 64)
	if err != nil {
		return fmt.Errorf("SOURCE_DATE_EPOCH: %w", err)
	}
	out := json.NewEncoder(os.Stdout)
	out.SetIndent("", "  ")
	out.SetEscapeHTML(false) // the & of a purl
	return out.Encode(list(info, sha256.Sum256(program), time.Unix(made, 0).UTC()))
}

// list returns the bill of a program whose bytes have that sum, which is the serial
// number, too: another program has another one.
func list(info *buildinfo.BuildInfo, sum [sha256.Size]byte, made time.Time) bill {
	itself := library(info.Main)
	itself.Type, itself.Scope = "application", ""
	itself.PURL += "?goarch=" + setting(info, "GOARCH") + "&goos=" + setting(info, "GOOS")
	itself.Ref = itself.PURL
	itself.Hashes = []hash{{"SHA-256", hex.EncodeToString(sum[:])}}
	itself.Licenses = make([]license, 1)
	itself.Licenses[0].License.ID = "MIT"
	number := sum[:16]
	number[6], number[8] = number[6]&0x0f|0x80, number[8]&0x3f|0x80 // version 8 of RFC 9562: bits of one's own

	b := bill{
		Schema: "http://cyclonedx.org/schema/bom-1.6.schema.json", BomFormat: "CycloneDX", SpecVersion: "1.6", Version: 1,
		SerialNumber: fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", number[:4], number[4:6], number[6:8], number[8:10], number[10:]),
		Metadata:     metadata{made, itself},
		// What scanners for vulnerabilities call Go's own packages.
		Components: []component{library(debug.Module{Path: "stdlib", Version: strings.TrimPrefix(info.GoVersion, "go")})},
	}
	for _, m := range info.Deps {
		b.Components = append(b.Components, library(*cmp.Or(m.Replace, m)))
	}
	return b
}

// library returns a module. Its hash is the one of go.sum, of all its files.
func library(m debug.Module) component {
	purl := "pkg:golang/" + m.Path + "@" + strings.ReplaceAll(m.Version, "+", "%2B")
	c := component{Type: "library", Ref: purl, Name: m.Path, Version: m.Version, Scope: "required", PURL: purl}
	if sum, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(m.Sum, "h1:")); err == nil && len(sum) > 0 {
		c.Hashes = []hash{{"SHA-256", hex.EncodeToString(sum)}}
	}
	return c
}

func setting(info *buildinfo.BuildInfo, key string) string {
	for _, s := range info.Settings {
		if s.Key == key {
			return s.Value
		}
	}
	return ""
}
