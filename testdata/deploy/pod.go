package main

import (
	"os"
	"path"

	corev1 "k8s.io/api/core/v1"
)

// A pod is the template of a Deployment, under check.
type pod struct {
	*manifest
	name    string
	spec    corev1.PodSpec
	volumes map[string][]file // of each volume; the paths are relative
	mounted map[string]bool   // volumes that a container mounts
}

// check returns the containers, with what is mounted into them.
func (p *pod) check() (containers []container) {
	p.readVolumes()
	grace := 30 // Kubernetes' default
	if p.spec.TerminationGracePeriodSeconds != nil {
		grace = int(*p.spec.TerminationGracePeriodSeconds)
	}
	names := map[string]bool{}
	for _, c := range append(p.spec.InitContainers, p.spec.Containers...) {
		if names[c.Name] {
			p.wrong("%s: container %s is there twice", p.name, c.Name)
		}
		names[c.Name] = true
		p.checkRestricted(c)
		p.checkResources(c)
		p.checkProbes(c)
		p.checkEnd(c)
		containers = append(containers, container{
			Name: c.Name, Image: c.Image, Env: p.environment(c), Files: p.files(c), Grace: grace,
		})
	}
	for name := range p.volumes {
		if !p.mounted[name] {
			p.wrong("%s: volume %s is mounted nowhere", p.name, name)
		}
	}
	return containers
}

// checkEnd reports what happens before SIGTERM: wxproxy does it itself.
func (p *pod) checkEnd(c corev1.Container) {
	if c.Lifecycle != nil && c.Lifecycle.PreStop != nil {
		p.wrong("%s: container %s has a preStop; proxy.shutdown_delay does that", p.name, c.Name)
	}
}

// readVolumes finds the files of each volume.
func (p *pod) readVolumes() {
	p.volumes, p.mounted = map[string][]file{}, map[string]bool{}
	for _, v := range p.spec.Volumes {
		if _, ok := p.volumes[v.Name]; ok {
			p.wrong("%s: volume %s is there twice", p.name, v.Name)
		}
		p.volumes[v.Name] = nil
		switch {
		case v.ConfigMap != nil:
			p.volumes[v.Name] = p.projected("ConfigMap "+v.ConfigMap.Name, v.ConfigMap.Items, v.ConfigMap.DefaultMode)
		case v.Secret != nil:
			p.volumes[v.Name] = p.projected("Secret "+v.Secret.SecretName, v.Secret.Items, v.Secret.DefaultMode)
		case v.EmptyDir == nil:
			p.wrong("%s: volume %s is neither of a ConfigMap, nor of a Secret, nor an emptyDir", p.name, v.Name)
		}
	}
}

// projected returns the files that a volume has from an object: the items, or
// without any all there is.
func (p *pod) projected(source string, items []corev1.KeyToPath, mode *int32) (files []file) {
	data, ok := p.data[source]
	if !ok {
		p.wrong("%s: there is no %s", p.name, source)
	}
	if len(items) == 0 {
		for key := range data {
			items = append(items, corev1.KeyToPath{Key: key, Path: key})
		}
	}
	if mode == nil {
		everybody := corev1.ConfigMapVolumeSourceDefaultMode
		mode = &everybody
	}
	for _, item := range items {
		if ok && data[item.Key] == "" {
			p.wrong("%s: %s has no %s", p.name, source, item.Key)
		}
		files = append(files, file{item.Path, data[item.Key], os.FileMode(*mode)})
	}
	return files
}

// files returns what a container finds mounted.
func (p *pod) files(c corev1.Container) (files []file) {
	paths := map[string]bool{}
	for _, mount := range c.VolumeMounts {
		found, ok := p.volumes[mount.Name]
		if !ok {
			p.wrong("%s: container %s mounts %s, which is no volume", p.name, c.Name, mount.Name)
		}
		if paths[mount.MountPath] || !path.IsAbs(mount.MountPath) {
			p.wrong("%s: container %s: mountPath %s is relative, or there twice", p.name, c.Name, mount.MountPath)
		}
		paths[mount.MountPath], p.mounted[mount.Name] = true, true
		for _, f := range found {
			files = append(files, file{path.Join(mount.MountPath, f.Path), f.Content, f.Mode})
		}
	}
	return files
}

// environment returns a container's variables.
func (p *pod) environment(c corev1.Container) map[string]string {
	variables := map[string]string{}
	for _, v := range c.Env {
		if _, ok := variables[v.Name]; ok {
			p.wrong("%s: container %s: variable %s is there twice", p.name, c.Name, v.Name)
		}
		variables[v.Name] = v.Value
		if v.ValueFrom == nil {
			continue
		}
		source, key := "nothing", ""
		if ref := v.ValueFrom.SecretKeyRef; ref != nil {
			source, key = "Secret "+ref.Name, ref.Key
		} else if ref := v.ValueFrom.ConfigMapKeyRef; ref != nil {
			source, key = "ConfigMap "+ref.Name, ref.Key
		}
		if variables[v.Name] = p.data[source][key]; variables[v.Name] == "" {
			p.wrong("%s: container %s: variable %s: %s has no %q", p.name, c.Name, v.Name, source, key)
		}
	}
	return variables
}
