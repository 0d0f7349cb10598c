// Stands in for a model in `make bench-gateway`: it answers at once, so that what is measured is the way to it.
package main

import (
	"bytes"
	"io"
	"log"
	"net/http"
	"os"
	"strconv"
	"strings"
)

const events = 20

var (
	text   = strings.Repeat("word ", 60)
	head   = `{"id":"chatcmpl-1","object":"chat.completion`
	usage  = `"usage":{"prompt_tokens":100,"completion_tokens":60,"total_tokens":160}}`
	answer = []byte(head + `","created":1,"model":"qwen","choices":[{"index":0,"message":{"role":"assistant",` +
		`"content":"` + text + `"},"finish_reason":"stop"}],` + usage)
	event = []byte("data: " + head + `.chunk","created":1,"model":"qwen","choices":[{"index":0,` +
		`"delta":{"content":"word "},"finish_reason":null}]}` + "\n\n")
	count = []byte("data: " + head + `.chunk","created":1,"model":"qwen","choices":[],` + usage + "\n\n")
	done  = []byte("data: [DONE]\n\n")
)

func main() {
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		if bytes.Contains(body, []byte(`"stream":true`)) || bytes.Contains(body, []byte(`"stream": true`)) {
			stream(w, bytes.Contains(body, []byte(`"include_usage"`)))
			return
		}
		w.Header().Set("content-type", "application/json")
		w.Header().Set("content-length", strconv.Itoa(len(answer)))
		w.Write(answer)
	})
	log.Fatal(http.ListenAndServe(os.Args[1], nil))
}

func stream(w http.ResponseWriter, counted bool) {
	w.Header().Set("content-type", "text/event-stream; charset=utf-8")
	for range events {
		w.Write(event)
		w.(http.Flusher).Flush()
	}
	if counted {
		w.Write(count)
	}
	w.Write(done)
}
