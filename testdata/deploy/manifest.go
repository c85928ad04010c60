package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	documents "k8s.io/apimachinery/pkg/util/yaml"
	strict "sigs.k8s.io/json"
	"sigs.k8s.io/yaml"
)

// kinds are what a manifest may hold.
var kinds = map[metav1.TypeMeta]func() metav1.Object{
	{APIVersion: "v1", Kind: "ConfigMap"}:                       func() metav1.Object { return &corev1.ConfigMap{} },
	{APIVersion: "v1", Kind: "Secret"}:                          func() metav1.Object { return &corev1.Secret{} },
	{APIVersion: "v1", Kind: "Service"}:                         func() metav1.Object { return &corev1.Service{} },
	{APIVersion: "apps/v1", Kind: "Deployment"}:                 func() metav1.Object { return &appsv1.Deployment{} },
	{APIVersion: "policy/v1", Kind: "PodDisruptionBudget"}:      func() metav1.Object { return &policyv1.PodDisruptionBudget{} },
	{APIVersion: "networking.k8s.io/v1", Kind: "NetworkPolicy"}: func() metav1.Object { return &networkingv1.NetworkPolicy{} },
}

// A manifest is a file of Kubernetes objects, and what is wrong with it.
type manifest struct {
	objects  []metav1.Object
	data     map[string]map[string]string // of each "ConfigMap NAME" and "Secret NAME"
	mistakes []string
}

func kubernetes(path string) ([]container, []string) {
	m := &manifest{data: map[string]map[string]string{}}
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, []string{err.Error()}
	}
	m.read(content)
	containers := m.check()
	return containers, m.mistakes
}

func (m *manifest) wrong(format string, args ...any) {
	m.mistakes = append(m.mistakes, fmt.Sprintf(format, args...))
}

// read decodes all documents.
func (m *manifest) read(content []byte) {
	reader := documents.NewYAMLReader(bufio.NewReader(bytes.NewReader(content)))
	seen := map[string]bool{}
	for n := 1; ; n++ {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			m.wrong("document %d: %v", n, err)
			return
		}
		m.decode(fmt.Sprintf("document %d", n), document, seen)
	}
}

// decode decodes a document as the API server does when it validates fields: an
// unknown field, one in the wrong letter case and one that is there twice are
// mistakes.
func (m *manifest) decode(where string, document []byte, seen map[string]bool) {
	asJSON, err := yaml.YAMLToJSONStrict(document)
	if err != nil {
		m.wrong("%s: %v", where, err)
		return
	}
	var kind metav1.TypeMeta
	if err := yaml.Unmarshal(document, &kind); err != nil {
		m.wrong("%s: %v", where, err)
		return
	}
	if kinds[kind] == nil {
		m.wrong("%s: there is no %s %q", where, kind.APIVersion, kind.Kind)
		return
	}
	object := kinds[kind]()
	mistakes, err := strict.UnmarshalStrict(asJSON, object)
	for _, mistake := range append(mistakes, err) {
		if mistake != nil {
			m.wrong("%s, %s: %v", where, kind.Kind, mistake)
		}
	}
	m.add(kind.Kind+" "+object.GetName(), object, seen)
}

// add keeps object, whose name no other of its kind may have.
func (m *manifest) add(name string, object metav1.Object, seen map[string]bool) {
	for _, mistake := range validation.IsDNS1123Subdomain(object.GetName()) {
		m.wrong("%s: its name: %s", name, mistake)
	}
	if seen[name] {
		m.wrong("%s: is there twice", name)
	}
	seen[name] = true
	switch o := object.(type) {
	case *corev1.ConfigMap:
		m.data[name] = o.Data
	case *corev1.Secret:
		m.data[name] = o.StringData
	}
	m.objects = append(m.objects, object)
}

// all returns the objects of one kind.
func all[T metav1.Object](m *manifest) (found []T) {
	for _, object := range m.objects {
		if o, ok := object.(T); ok {
			found = append(found, o)
		}
	}
	return found
}
