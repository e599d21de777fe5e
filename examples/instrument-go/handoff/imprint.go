package handoff

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"sort"
	"strconv"
)

const (
	maxFields         = 256
	maxDepth          = 6
	maxItems          = 64
	fieldDigestChars  = 16
	prefixDigestChars = 8
	firstPrefixChars  = 32
)

// Imprint is what is said of a payload without its content.
type Imprint struct {
	Text    string // canonical JSON (RFC 8785)
	SHA256  string // of the text, with a key HMAC-SHA-256
	Bytes   int    // of the text, in UTF-8
	Fields  string // the shape, as JSON text
	Dropped int    // places that the shape does not list
}

// ImprintOf returns the imprint of whatever encoding/json can write.
func ImprintOf(payload any, key []byte) (Imprint, error) {
	read, err := plain(payload)
	if err != nil {
		return Imprint{}, err
	}
	whole := spell(read)
	fields, dropped := shape(whole, key)
	return Imprint{
		Text:    whole.text,
		SHA256:  digest(whole.text, key),
		Bytes:   len(whole.text),
		Fields:  fields,
		Dropped: dropped,
	}, nil
}

func digest(text string, key []byte) string {
	if key == nil {
		sum := sha256.Sum256([]byte(text))
		return hex.EncodeToString(sum[:])
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(text))
	return hex.EncodeToString(mac.Sum(nil))
}

type place struct {
	pointer string
	value   value
}

// shape lists places from the whole inwards, level by level.
func shape(whole value, key []byte) (string, int) {
	fields := map[string]string{}
	dropped := 0
	level := []place{{"", whole}}
	for depth := 0; depth <= maxDepth; depth++ {
		var following []place
		for _, each := range level {
			if len(fields) >= maxFields {
				dropped++
				continue
			}
			fields[each.pointer] = field(each.value, key)
			inside := each.value.members
			if depth == maxDepth {
				inside = nil
			} else if each.value.kind == "array" && len(inside) > maxItems {
				inside = inside[:maxItems]
			}
			for _, m := range inside {
				following = append(following, place{each.pointer + "/" + m.token, m.value})
			}
			dropped += len(each.value.members) - len(inside)
		}
		level = following
	}
	return object(fields), dropped
}

func field(v value, key []byte) string {
	text := `["` + v.kind + `",` + strconv.Itoa(v.size) + `,"` + digest(v.text, key)[:fieldDigestChars] + `"`
	if v.kind == "string" && v.size > firstPrefixChars {
		text += ",["
		characters := []rune(v.raw)
		for length := firstPrefixChars; length < len(characters); length *= 2 {
			if length > firstPrefixChars {
				text += ","
			}
			text += `"` + digest(quoted(string(characters[:length])), key)[:prefixDigestChars] + `"`
		}
		text += "]"
	}
	return text + "]"
}

// object writes members that are JSON texts already, in canonical order.
func object(members map[string]string) string {
	names := make([]string, 0, len(members))
	for name := range members {
		names = append(names, name)
	}
	sort.Slice(names, func(i, j int) bool { return lessUTF16(names[i], names[j]) })
	text := "{"
	for i, name := range names {
		if i > 0 {
			text += ","
		}
		text += quoted(name) + ":" + members[name]
	}
	return text + "}"
}
