package main

import (
	"cmp"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// checkRestricted checks what the Pod Security Standard "restricted" asks for, and
// that the root file system is read-only.
func (p *pod) checkRestricted(c corev1.Container) {
	of, is := c.SecurityContext, p.spec.SecurityContext
	if of == nil || is == nil {
		p.wrong("%s: container %s: has no securityContext", p.name, c.Name)
		return
	}
	on := func(b *bool) bool { return b != nil && *b }
	off := func(b *bool) bool { return b != nil && !*b }
	seccomp := cmp.Or(of.SeccompProfile, is.SeccompProfile)
	for rule, kept := range map[string]bool{
		"runAsNonRoot: true":                     on(is.RunAsNonRoot) && !off(of.RunAsNonRoot),
		"runAsUser other than 0":                 !isRoot(is.RunAsUser) && !isRoot(of.RunAsUser),
		"allowPrivilegeEscalation: false":        off(of.AllowPrivilegeEscalation),
		"readOnlyRootFilesystem: true":           on(of.ReadOnlyRootFilesystem),
		"privileged: false":                      !on(of.Privileged),
		"capabilities: {drop: [ALL]}":            of.Capabilities != nil && slices.Contains(of.Capabilities.Drop, "ALL") && len(of.Capabilities.Add) == 0,
		"seccompProfile: {type: RuntimeDefault}": seccomp != nil && seccomp.Type == corev1.SeccompProfileTypeRuntimeDefault,
	} {
		if !kept {
			p.wrong("%s: container %s: securityContext lacks %s", p.name, c.Name, rule)
		}
	}
	if p.spec.HostNetwork || p.spec.HostPID || p.spec.HostIPC {
		p.wrong("%s: uses the host's namespaces", p.name)
	}
}

func isRoot(user *int64) bool { return user != nil && *user == 0 }

// checkResources reports what is asked for beyond the limit, or not at all.
func (p *pod) checkResources(c corev1.Container) {
	for _, name := range []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory} {
		request, asked := c.Resources.Requests[name]
		limit, limited := c.Resources.Limits[name]
		if !asked || limited && request.Cmp(limit) > 0 {
			p.wrong("%s: container %s: requests no %s, or more than its limit", p.name, c.Name, name)
		}
	}
	if c.Resources.Limits.Memory().IsZero() {
		p.wrong("%s: container %s: has no limit of memory", p.name, c.Name)
	}
}

// checkProbes reports a probe that asks nothing, too much, or at a port that is
// not there, and a sidecar that the program would not wait for.
func (p *pod) checkProbes(c corev1.Container) {
	probes := map[string]*corev1.Probe{"startupProbe": c.StartupProbe, "livenessProbe": c.LivenessProbe, "readinessProbe": c.ReadinessProbe}
	for name, probe := range probes {
		if probe == nil {
			continue
		}
		handlers, port := 0, (*intstr.IntOrString)(nil)
		if probe.Exec != nil {
			handlers++
		}
		if probe.HTTPGet != nil {
			handlers, port = handlers+1, &probe.HTTPGet.Port
		}
		if probe.TCPSocket != nil {
			handlers, port = handlers+1, &probe.TCPSocket.Port
		}
		if handlers != 1 {
			p.wrong("%s: container %s: %s asks %d things; want 1", p.name, c.Name, name, handlers)
		}
		if port != nil && !declares(c, *port) {
			p.wrong("%s: container %s: %s: there is no port %s", p.name, c.Name, name, port)
		}
	}
	if slices.ContainsFunc(p.spec.InitContainers, func(i corev1.Container) bool { return i.Name == c.Name }) {
		if c.RestartPolicy == nil || *c.RestartPolicy != corev1.ContainerRestartPolicyAlways || c.StartupProbe == nil {
			p.wrong("%s: container %s: is no sidecar without restartPolicy Always and a startupProbe", p.name, c.Name)
		}
	}
}
