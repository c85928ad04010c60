package main

import (
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// check finds what does not fit together, and returns all containers.
func (m *manifest) check() (containers []container) {
	for _, d := range all[*appsv1.Deployment](m) {
		containers = append(containers, m.checkDeployment(d)...)
	}
	if len(containers) == 0 {
		m.wrong("there is no Deployment")
	}
	for _, s := range all[*corev1.Service](m) {
		for _, port := range s.Spec.Ports {
			target := port.TargetPort
			if target == (intstr.IntOrString{}) {
				target = intstr.FromInt32(port.Port)
			}
			m.checkReached("Service "+s.Name, s.Spec.Selector, &target)
		}
		if len(s.Spec.Ports) == 0 {
			m.wrong("Service %s: has no port", s.Name)
		}
	}
	for _, b := range all[*policyv1.PodDisruptionBudget](m) {
		m.checkBudget(b)
	}
	for _, p := range all[*networkingv1.NetworkPolicy](m) {
		m.checkReached("NetworkPolicy "+p.Name, p.Spec.PodSelector.MatchLabels, nil)
		for _, rule := range p.Spec.Ingress {
			m.checkPeers("NetworkPolicy "+p.Name, rule.From)
			for _, port := range rule.Ports {
				m.checkReached("NetworkPolicy "+p.Name, p.Spec.PodSelector.MatchLabels, port.Port)
			}
		}
		for i := range containers {
			containers[i].Egress = egress(p)
		}
	}
	return containers
}

// egress returns the ports that a policy lets pods call.
func egress(p *networkingv1.NetworkPolicy) (ports []int) {
	for _, rule := range p.Spec.Egress {
		for _, port := range rule.Ports {
			ports = append(ports, port.Port.IntValue())
		}
	}
	return ports
}

// checkDeployment checks a Deployment and returns its containers.
func (m *manifest) checkDeployment(d *appsv1.Deployment) []container {
	name := "Deployment " + d.Name
	m.checkSelector(name+": selector", d.Spec.Selector, d.Spec.Template.Labels)
	for _, spread := range d.Spec.Template.Spec.TopologySpreadConstraints {
		m.checkSelector(name+": topologySpreadConstraints", spread.LabelSelector, d.Spec.Template.Labels)
	}
	p := &pod{manifest: m, name: name, spec: d.Spec.Template.Spec}
	containers := p.check()
	for _, s := range all[*corev1.Service](m) {
		for i := range containers {
			containers[i].Served = containers[i].Served || slices.Contains(m.selected(s.Spec.Selector), d)
		}
	}
	return containers
}

// checkSelector reports a selector that does not select the labels.
func (m *manifest) checkSelector(where string, selector *metav1.LabelSelector, has map[string]string) {
	s, err := metav1.LabelSelectorAsSelector(selector)
	switch {
	case err != nil:
		m.wrong("%s: %v", where, err)
	case s.Empty() || !s.Matches(labels.Set(has)):
		m.wrong("%s: %s does not select its own pods, which are %s", where, s, labels.Set(has))
	}
}

// checkBudget reports a budget of no pods, or one that forbids every eviction.
func (m *manifest) checkBudget(b *policyv1.PodDisruptionBudget) {
	name := "PodDisruptionBudget " + b.Name
	selected := m.selected(b.Spec.Selector.MatchLabels)
	if len(selected) == 0 {
		m.wrong("%s: selects no pods", name)
	}
	for _, d := range selected {
		if b.Spec.MinAvailable != nil && (d.Spec.Replicas == nil || b.Spec.MinAvailable.IntVal >= *d.Spec.Replicas) {
			m.wrong("%s: forbids every eviction", name)
		}
	}
}

// checkPeers reports a rule that lets pods in by labels that anyone could give
// theirs: those of any namespace, or all of one.
func (m *manifest) checkPeers(name string, peers []networkingv1.NetworkPolicyPeer) {
	if len(peers) == 0 {
		m.wrong("%s: lets everybody in", name)
	}
	for _, p := range peers {
		if p.NamespaceSelector != nil && p.NamespaceSelector.MatchLabels["kubernetes.io/metadata.name"] == "" {
			m.wrong("%s: lets pods of any namespace in", name)
		}
		if p.IPBlock == nil && (p.PodSelector == nil || len(p.PodSelector.MatchLabels) == 0) {
			m.wrong("%s: lets all pods of a namespace in", name)
		}
	}
}

// checkReached reports a selector of no pods, and a port that they do not have.
func (m *manifest) checkReached(name string, selector map[string]string, port *intstr.IntOrString) {
	selected := m.selected(selector)
	if len(selected) == 0 {
		m.wrong("%s: selects no pods", name)
	}
	for _, d := range selected {
		if port != nil && !hasPort(d.Spec.Template.Spec, *port) {
			m.wrong("%s: Deployment %s has no port %s", name, d.Name, port)
		}
	}
}

func (m *manifest) selected(selector map[string]string) (found []*appsv1.Deployment) {
	if len(selector) == 0 {
		return nil // that would be every pod of the namespace
	}
	for _, d := range all[*appsv1.Deployment](m) {
		if labels.SelectorFromSet(selector).Matches(labels.Set(d.Spec.Template.Labels)) {
			found = append(found, d)
		}
	}
	return found
}

// hasPort reports whether a container of the pod declares port.
func hasPort(spec corev1.PodSpec, port intstr.IntOrString) bool {
	for _, c := range append(spec.InitContainers, spec.Containers...) {
		if declares(c, port) {
			return true
		}
	}
	return false
}

func declares(c corev1.Container, port intstr.IntOrString) bool {
	for _, p := range c.Ports {
		if port.Type == intstr.Int && p.ContainerPort == port.IntVal || port.Type == intstr.String && p.Name == port.StrVal {
			return true
		}
	}
	return false
}
