//go:build linux

package report

import (
	"fmt"
	"html"
	"io"
)

// Sizes of the plot, in its own units.
const (
	plotWidth  = 760
	plotLeft   = 110 // where bars begin
	plotBars   = 440 // the length of the longest bar
	barHeight  = 16
	barStep    = 22
	titleStep  = 34
	plotTop    = 56
	plotBottom = 40
)

// barColors are readable on light and on dark. The first is for the proxy that others are
// compared with.
var barColors = []string{"#8b949e", "#bf8700", "#2da44e", "#539bf5", "#b083f0"}

// plotHead has a background of its own: pages that show a picture do not always
// tell it whether they are dark.
const plotHead = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %[1]d %[2]d" width="%[1]d" height="%[2]d" role="img" aria-label="CPU time per request, compared with nginx">
<style>
text { font: 13px system-ui, -apple-system, "Segoe UI", sans-serif; fill: #1f2328 }
.title { font-size: 17px; font-weight: 600 } .group { font-weight: 600 } .small { font-size: 11px; fill: #59636e }
.back { fill: #ffffff } .line { stroke: #59636e } .spread { stroke: #1f2328; stroke-width: 1.5 }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 } .small { fill: #9198a1 } .back { fill: #0d1117 } .line { stroke: #9198a1 } .spread { stroke: #e6edf3 }
}
</style>
<rect class="back" width="100%%" height="100%%" rx="6"/>
<text class="title" x="16" y="28">CPU time per request, nginx = 1 (shorter is better)</text>
`

// Plot draws each comparison's cost as bars, with the spread as a thin line.
func Plot(w io.Writer, all []Comparison, caption string) {
	longest, bars := 1.0, 0
	for _, c := range all {
		bars += len(c.Series)
		for _, s := range c.Series {
			longest = max(longest, s.RatioTo(c.Series[0], CostOf).Most)
		}
	}
	p := &plot{w: w, scale: plotBars / longest, y: plotTop, colors: map[string]string{}}
	height := plotTop + len(all)*titleStep + bars*barStep + plotBottom
	fmt.Fprintf(w, plotHead, plotWidth, height)
	for _, c := range all {
		p.group(c)
	}
	fmt.Fprintf(w, "<text class=\"small\" x=\"16\" y=\"%d\">%s</text>\n</svg>\n", height-14, html.EscapeString(caption))
}

// A plot is a picture that is being written.
type plot struct {
	w     io.Writer
	scale float64 // units for a ratio of 1
	y     int
	// colors has one for each name, which keeps it where others are missing.
	colors map[string]string
}

func (p *plot) group(c Comparison) {
	fmt.Fprintf(p.w, "<text class=\"group\" x=\"16\" y=\"%d\">%s</text>\n", p.y+14, html.EscapeString(c.Title))
	top := p.y + 22
	p.y = top
	for _, s := range c.Series {
		if p.colors[s.Name] == "" {
			p.colors[s.Name] = barColors[len(p.colors)%len(barColors)]
		}
		p.bar(s, s.RatioTo(c.Series[0], CostOf))
	}
	mark := plotLeft + p.scale
	fmt.Fprintf(p.w, "<line class=\"line\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" y2=\"%d\" stroke-dasharray=\"3 3\"/>\n", mark, mark, top-2, p.y-2)
	p.y += titleStep - 22
}

func (p *plot) bar(s Series, r Ratio) {
	middle := p.y + barHeight/2
	fmt.Fprintf(p.w, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%s</text>\n", plotLeft-8, p.y+13, html.EscapeString(s.Name))
	fmt.Fprintf(p.w, "<rect x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"%d\" rx=\"2\" fill=\"%s\"/>\n", plotLeft, p.y, r.Median*p.scale, barHeight, p.colors[s.Name])
	fmt.Fprintf(p.w, "<line class=\"spread\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" y2=\"%d\"/>\n", plotLeft+r.Least*p.scale, plotLeft+r.Most*p.scale, middle, middle)
	fmt.Fprintf(p.w, "<text x=\"%.1f\" y=\"%d\">%.2f <tspan class=\"small\">%.1f us</tspan></text>\n", plotLeft+max(r.Most, 1)*p.scale+8, p.y+13, r.Median, s.Median(CostOf))
	p.y += barStep
}
