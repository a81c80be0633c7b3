// Command go-patterns answers what Go makes of a pattern: one JSON question a line on stdin, one answer a line on stdout.
//
//	{"regexp": "a(b)?", "texts": ["xab"]}   {"matches": [true], "captures": [["ab", "b"]]}
//	{"glob": "a/*", "texts": ["a/b"]}       {"matches": [true]}
//	{"regexp": "a**", "texts": []}          {"error": "error parsing regexp: …"}
//
// Captures are those of the leftmost match, null for a group that took no part, and null for a text without a match. For a
// glob, an error in any part of it is found whatever the texts are.
package main

import (
	"bufio"
	"encoding/json"
	"log"
	"os"
	"path"
	"regexp"
)

type question struct {
	Regexp *string  `json:"regexp"`
	Glob   *string  `json:"glob"`
	Texts  []string `json:"texts"`
}

type answer struct {
	Error    string      `json:"error,omitempty"`
	Matches  []bool      `json:"matches,omitempty"`
	Captures [][]*string `json:"captures,omitempty"`
}

func main() {
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 64<<20)
	out := bufio.NewWriter(os.Stdout)
	encoder := json.NewEncoder(out)
	for in.Scan() {
		var q question
		if err := json.Unmarshal(in.Bytes(), &q); err != nil {
			log.Fatalf("a question is no JSON: %v", err)
		}
		if err := encoder.Encode(q.answer()); err != nil {
			log.Fatalf("cannot answer: %v", err)
		}
		if err := out.Flush(); err != nil {
			log.Fatalf("cannot answer: %v", err)
		}
	}
	if err := in.Err(); err != nil {
		log.Fatalf("cannot read a question: %v", err)
	}
}

func (q question) answer() answer {
	switch {
	case q.Regexp != nil:
		return matchRegexp(*q.Regexp, q.Texts)
	case q.Glob != nil:
		return matchGlob(*q.Glob, q.Texts)
	default:
		return answer{Error: "the question has neither `regexp` nor `glob`"}
	}
}

func matchRegexp(pattern string, texts []string) answer {
	expression, err := regexp.Compile(pattern)
	if err != nil {
		return answer{Error: err.Error()}
	}
	var a answer
	for _, text := range texts {
		found := expression.FindStringSubmatchIndex(text)
		a.Matches = append(a.Matches, found != nil)
		var groups []*string
		for i := 0; i+1 < len(found); i += 2 {
			if found[i] < 0 {
				groups = append(groups, nil)
				continue
			}
			group := text[found[i]:found[i+1]]
			groups = append(groups, &group)
		}
		a.Captures = append(a.Captures, groups)
	}
	return a
}

func matchGlob(pattern string, texts []string) answer {
	if _, err := path.Match(pattern, ""); err != nil {
		return answer{Error: err.Error()}
	}
	var a answer
	for _, text := range texts {
		matched, err := path.Match(pattern, text)
		if err != nil {
			// The empty text should have shown it; an answer would hide that it did not.
			log.Fatalf("%q is malformed for %q alone: %v", pattern, text, err)
		}
		a.Matches = append(a.Matches, matched)
	}
	return a
}
