package wechat

import (
	"encoding/json"
	"strconv"
	"strings"

	"wxproxy/token/internal/asking"
)

// maxPermissions is how many permission sets are read of one account. WeChat has about a
// hundred.
const maxPermissions = 128

// A permission is a set of APIs that an account has granted, an element of func_info.
type permission struct {
	Category category `json:"funcscope_category"`
	Confirm  *confirm `json:"confirm_info,omitempty"`
}

type category struct {
	ID asking.Number `json:"id"`
}

type confirm struct {
	Need    asking.Number `json:"need_confirm"`
	Already asking.Number `json:"already_confirm"`
	Can     asking.Number `json:"can_confirm"`
}

// permissions are func_info, of which nothing else depends: what is not as WeChat documents it
// is left out.
type permissions string

// UnmarshalJSON implements [json.Unmarshaler].
func (p *permissions) UnmarshalJSON(text []byte) error {
	var info []permission
	if json.Unmarshal(text, &info) == nil {
		*p = permissions(permissionsOf(info))
	}
	return nil
}

// permissionsOf returns func_info as stores keep it: of each set its id, and, where WeChat
// says whether it needs to be confirmed, is or can be, the number of three bits of that, as
// in "1 2 17.5".
func permissionsOf(info []permission) string {
	var text []byte
	for i, p := range info {
		if p.Category.ID <= 0 || p.Category.ID > farBeyond || i >= maxPermissions {
			continue
		}
		if len(text) > 0 {
			text = append(text, ' ')
		}
		text = strconv.AppendInt(text, int64(p.Category.ID), 10)
		if c := p.Confirm; c != nil {
			text = strconv.AppendInt(append(text, '.'), bit(c.Need, 4)|bit(c.Already, 2)|bit(c.Can, 1), 10)
		}
	}
	return string(text)
}

func bit(isSet asking.Number, value int64) int64 {
	if isSet == 0 {
		return 0
	}
	return value
}

// FuncInfo returns the func_info, in JSON, that permissions of a [token.Grant] are; nil: they
// are not known.
func FuncInfo(permissions string) json.RawMessage {
	var info []permission
	for word := range strings.FieldsSeq(permissions) {
		id, bits, isConfirmed := strings.Cut(word, ".")
		n, err := strconv.ParseInt(id, 10, 32)
		if err != nil || n <= 0 || n > farBeyond || len(info) == maxPermissions {
			return nil
		}
		p := permission{Category: category{asking.Number(n)}}
		if isConfirmed {
			set, err := strconv.ParseUint(bits, 10, 3)
			if err != nil {
				return nil
			}
			p.Confirm = &confirm{asking.Number(set >> 2), asking.Number(set >> 1 & 1), asking.Number(set & 1)}
		}
		info = append(info, p)
	}
	if info == nil {
		return nil
	}
	text, err := json.Marshal(info)
	if err != nil {
		panic("BUG: permissions cannot be written")
	}
	return text
}
