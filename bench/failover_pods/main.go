// Stands in for a model in `make bench-failover`. It answers under its own name, and fails when it is told to.
package main

import (
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"time"
)

const (
	thinking = 20 * time.Millisecond // so that some requests are always under way
	events   = 10
	between  = 10 * time.Millisecond
	late     = 2 * time.Second
)

var (
	name  string
	fault atomic.Value
)

func main() {
	name = os.Args[1]
	fault.Store("")
	http.HandleFunc("/health", func(http.ResponseWriter, *http.Request) {})
	http.HandleFunc("/fault/", func(_ http.ResponseWriter, r *http.Request) {
		fault.Store(strings.TrimPrefix(r.URL.Path, "/fault/"))
	})
	http.HandleFunc("/v1/", answer)
	log.Fatal(http.ListenAndServe(os.Args[2], nil))
}

func answer(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	switch fault.Load() {
	case "reset":
		reset(w)
		return
	case "late":
		time.Sleep(late)
		refuse(w)
		return
	case "error":
		refuse(w)
		return
	}
	time.Sleep(thinking)
	if strings.Contains(strings.ReplaceAll(string(body), " ", ""), `"stream":true`) {
		stream(w)
		return
	}
	w.Header().Set("content-type", "application/json")
	fmt.Fprintf(w, `{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"%s","choices":[{"index":0,`+
		`"message":{"role":"assistant","content":"from %s"},"finish_reason":"stop"}],`+
		`"usage":{"prompt_tokens":3,"completion_tokens":5,"total_tokens":8}}`, name, name)
}

func stream(w http.ResponseWriter) {
	w.Header().Set("content-type", "text/event-stream; charset=utf-8")
	for range events {
		fmt.Fprintf(w, `data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"%s",`+
			`"choices":[{"index":0,"delta":{"role":"assistant","content":"from %s "},"finish_reason":null}]}`+"\n\n", name, name)
		w.(http.Flusher).Flush()
		time.Sleep(between)
	}
	fmt.Fprint(w, "data: [DONE]\n\n")
}

func refuse(w http.ResponseWriter) {
	w.Header().Set("content-type", "application/json")
	w.WriteHeader(http.StatusServiceUnavailable)
	fmt.Fprint(w, `{"error":{"message":"the engine is dead","type":"InternalServerError","param":null,"code":503}}`)
}

func reset(w http.ResponseWriter) {
	connection, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	connection.(*net.TCPConn).SetLinger(0)
	connection.Close()
}
