package language

// commands is what the commands say.
var commands = map[string]string{}
