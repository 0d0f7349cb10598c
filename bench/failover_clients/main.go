// The clients of `make bench-failover`: requests at a fixed rate, sent when they are due and not when the last one was
// answered. Half way it strikes: it kills or stops a process, or asks a URL. Every request is a line of JSON.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"log"
	"net/http"
	"os"
	"sort"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

const streamedEvery = 4

type sample struct {
	At       float64 `json:"at"`      // seconds from the strike until it was sent
	Seconds  float64 `json:"seconds"` // until the whole answer, or the first event of a stream
	Streamed bool    `json:"streamed"`
	By       string  `json:"by"`    // who answered
	Error    string  `json:"error"` // nothing: it was answered whole
	Cut      bool    `json:"cut"`   // a stream that broke off after its first event
}

var (
	url      = flag.String("url", "", "the chat completions")
	key      = flag.String("key", "", "the API key")
	rate     = flag.Float64("rate", 100, "requests a second")
	requests = flag.Int("requests", 1000, "requests in all")
	strike   = flag.String("strike", "", "kill:PID, stop:PID or a URL")
	limit    = flag.Duration("limit", 60*time.Second, "how long a client waits")
	client   *http.Client
)

func main() {
	flag.Parse()
	client = &http.Client{Timeout: *limit, Transport: &http.Transport{MaxIdleConns: 0, MaxIdleConnsPerHost: 10000}}
	var (
		group  sync.WaitGroup
		struck time.Time
		sent   = make([]time.Time, *requests)
		all    = make([]sample, *requests)
		begin  = time.Now()
	)
	for number := range *requests {
		due := begin.Add(time.Duration(float64(number) / *rate * float64(time.Second)))
		time.Sleep(time.Until(due))
		if number == *requests/2 {
			do(*strike)
			struck = time.Now()
		}
		group.Add(1)
		go func() {
			defer group.Done()
			sent[number] = time.Now()
			all[number] = ask(number%streamedEvery == 0)
		}()
	}
	group.Wait()
	for number := range all {
		all[number].At = sent[number].Sub(struck).Seconds()
	}
	sort.Slice(all, func(a, b int) bool { return all[a].At < all[b].At })
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for _, each := range all {
		if err := json.NewEncoder(out).Encode(each); err != nil {
			log.Fatal(err)
		}
	}
}

func do(strike string) {
	kind, pid, _ := strings.Cut(strike, ":")
	signals := map[string]syscall.Signal{"kill": syscall.SIGKILL, "stop": syscall.SIGSTOP}
	if signal, ok := signals[kind]; ok {
		number, err := strconv.Atoi(pid)
		if err != nil {
			log.Fatal(err)
		}
		if err := syscall.Kill(number, signal); err != nil {
			log.Fatal(err)
		}
		return
	}
	answer, err := http.Get(strike)
	if err != nil {
		log.Fatal(err)
	}
	answer.Body.Close()
}

func ask(streamed bool) (found sample) {
	begin := time.Now()
	found.Streamed = streamed
	first, body, err := answer(streamed)
	found.Seconds = time.Since(begin).Seconds()
	if streamed && !first.IsZero() {
		found.Seconds = first.Sub(begin).Seconds()
	}
	found.By = author(body)
	whole := bytes.Contains(body, []byte(`"finish_reason":"stop"`)) || bytes.Contains(body, []byte("data: [DONE]"))
	if err == nil && !whole {
		err = errors.New("the answer has no end")
	}
	if err != nil {
		found.Error = err.Error()
		found.Cut = streamed && !first.IsZero()
	}
	return found
}

func answer(streamed bool) (first time.Time, body []byte, err error) {
	content, err := json.Marshal(map[string]any{
		"model": "qwen", "stream": streamed, "messages": []map[string]string{{"role": "user", "content": "hello"}},
	})
	if err != nil {
		log.Fatal(err)
	}
	request, err := http.NewRequest("POST", *url, bytes.NewReader(content))
	if err != nil {
		log.Fatal(err)
	}
	request.Header.Set("content-type", "application/json")
	request.Header.Set("authorization", "Bearer "+*key)
	response, err := client.Do(request)
	if err != nil {
		return first, nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		body, _ = io.ReadAll(response.Body)
		return first, nil, errors.New(response.Status + ": " + string(body))
	}
	reader := bufio.NewReader(response.Body)
	line, err := reader.ReadBytes('\n')
	if len(line) > 0 {
		first = time.Now()
	}
	if err != nil && err != io.EOF {
		return first, line, err
	}
	rest, err := io.ReadAll(reader)
	return first, append(line, rest...), err
}

// Answers say whom they are from.
func author(body []byte) string {
	_, after, found := bytes.Cut(body, []byte("from "))
	if !found {
		return ""
	}
	name, _, _ := bytes.Cut(after, []byte(`"`))
	return strings.TrimSpace(string(name))
}
