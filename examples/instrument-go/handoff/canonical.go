package handoff

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"sort"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// value is a JSON value with its canonical text (RFC 8785) and what is inside of it.
type value struct {
	kind    string // null, boolean, number, string, array, object
	size    int    // characters of a string, items or members of a container, else 0
	text    string
	members []member
	raw     string // of a string: itself
}

type member struct {
	token string // the name or index, as in a JSON pointer
	value value
}

// plain returns whatever encoding/json can write as the value that a receiver reads.
func plain(payload any) (any, error) {
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(payload); err != nil {
		return nil, err
	}
	decoder := json.NewDecoder(&buffer)
	decoder.UseNumber()
	var read any
	err := decoder.Decode(&read)
	return read, err
}

func spell(read any) value {
	switch v := read.(type) {
	case nil:
		return value{kind: "null", text: "null"}
	case bool:
		return value{kind: "boolean", text: strconv.FormatBool(v)}
	case json.Number:
		return value{kind: "number", text: number(v)}
	case string:
		return value{kind: "string", size: utf8.RuneCountInString(v), text: quoted(v), raw: v}
	case []any:
		return spellArray(v)
	case map[string]any:
		return spellObject(v)
	}
	panic(fmt.Sprintf("no JSON value: %T", read))
}

func spellArray(items []any) value {
	made := value{kind: "array", size: len(items)}
	texts := make([]string, len(items))
	for i, item := range items {
		each := spell(item)
		texts[i] = each.text
		made.members = append(made.members, member{strconv.Itoa(i), each})
	}
	made.text = "[" + strings.Join(texts, ",") + "]"
	return made
}

func spellObject(object map[string]any) value {
	names := make([]string, 0, len(object))
	for name := range object {
		names = append(names, name)
	}
	sort.Slice(names, func(i, j int) bool { return lessUTF16(names[i], names[j]) })
	made := value{kind: "object", size: len(names)}
	texts := make([]string, len(names))
	escape := strings.NewReplacer("~", "~0", "/", "~1")
	for i, name := range names {
		each := spell(object[name])
		texts[i] = quoted(name) + ":" + each.text
		made.members = append(made.members, member{escape.Replace(name), each})
	}
	made.text = "{" + strings.Join(texts, ",") + "}"
	return made
}

// lessUTF16 orders by UTF-16 code units, as RFC 8785 wants.
func lessUTF16(a, b string) bool {
	one, other := utf16.Encode([]rune(a)), utf16.Encode([]rune(b))
	for i := 0; i < len(one) && i < len(other); i++ {
		if one[i] != other[i] {
			return one[i] < other[i]
		}
	}
	return len(one) < len(other)
}

func quoted(text string) string {
	var out strings.Builder
	out.WriteByte('"')
	for _, r := range text {
		switch r {
		case '"', '\\':
			out.WriteByte('\\')
			out.WriteRune(r)
		case '\b':
			out.WriteString(`\b`)
		case '\f':
			out.WriteString(`\f`)
		case '\n':
			out.WriteString(`\n`)
		case '\r':
			out.WriteString(`\r`)
		case '\t':
			out.WriteString(`\t`)
		default:
			if r < 0x20 {
				fmt.Fprintf(&out, `\u%04x`, r)
			} else {
				out.WriteRune(r)
			}
		}
	}
	out.WriteByte('"')
	return out.String()
}

// number writes a number as ECMAScript does; an integer that no double holds keeps its digits.
func number(read json.Number) string {
	text := read.String()
	if digits := strings.TrimPrefix(text, "-"); strings.Trim(digits, "0123456789") == "" {
		if nearest, err := strconv.ParseFloat(text, 64); err != nil || !isExactly(text, nearest) {
			return text
		}
	}
	f, err := strconv.ParseFloat(text, 64)
	switch {
	case err != nil || math.IsInf(f, 0):
		return "null"
	case f == 0:
		return "0"
	}
	if size := math.Abs(f); size >= 1e-6 && size < 1e21 {
		return strconv.FormatFloat(f, 'f', -1, 64)
	}
	mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(f, 'e', -1, 64), "e")
	return mantissa + "e" + exponent[:1] + strings.TrimLeft(exponent[1:], "0")
}

// isExactly tells whether a double is the integer that text spells.
func isExactly(text string, nearest float64) bool {
	return strings.TrimPrefix(strconv.FormatFloat(nearest, 'f', 0, 64), "-") ==
		strings.TrimPrefix(text, "-")
}
