# wxproxy, and nothing else: no shell, no package, no user but 65532.
#
#   docker build -t wxproxy .
#   docker run --rm wxproxy help
#
# A configuration belongs to /etc/wxproxy/config.toml; without one the environment
# alone is read. /tmp is for large request bodies: with a read-only root file
# system, mount something writable there.

FROM golang:1.26 AS build
# A mirror of Go's modules: --build-arg GOPROXY=https://goproxy.cn,direct
ARG GOPROXY
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
# e2e/built_test.go runs this very line without a base image.
RUN CGO_ENABLED=0 go build -tags=nethttpomithttp2 -trimpath -ldflags='-s -w -buildid=' -o /out/wxproxy . && mkdir -m 1777 /out/tmp && install -D -m 644 -t /out/usr/share/doc/wxproxy LICENSE NOTICES

FROM scratch
COPY --from=build /out/ /
WORKDIR /etc/wxproxy
USER 65532:65532
EXPOSE 8080 8081
HEALTHCHECK --interval=10s --timeout=6s --start-period=30s CMD ["/wxproxy", "health"]
ENTRYPOINT ["/wxproxy"]
