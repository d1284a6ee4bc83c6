// Lets the tests talk to google/glome's Go packages: one JSON request a line
// in, one JSON answer a line out. Bytes are hexadecimal. A refusal is
// {"error": …}.
package main

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"strconv"

	"github.com/google/glome/go/glome"
	v1 "github.com/google/glome/go/login"
	v2 "github.com/google/glome/go/login/v2"
)

type request struct {
	Op      string `json:"op"`
	Private string `json:"private"`
	Peer    string `json:"peer"`

	Message   string `json:"message"`
	Tag       string `json:"tag"`
	Counter   uint8  `json:"counter"`
	MinLength uint   `json:"minLength"`

	// Of a challenge: Index nil means the prefix byte in v2, 0 does in v1.
	Index      *uint8 `json:"index"`
	TagPrefix  uint8  `json:"tagPrefix"`
	HostIDType string `json:"hostType"`
	HostID     string `json:"host"`
	Action     string `json:"action"`

	Challenge string `json:"challenge"`
	// A challenge made here, and a code for it.
	ID   string `json:"id"`
	Code string `json:"code"`
}

type answer map[string]string

var operations = map[string]func(*request) (answer, error){
	"public":     public,
	"tag":        tag,
	"check":      check,
	"v1-new":     newV1,
	"v1-check":   checkV1,
	"v1-respond": respondV1,
	"v2-new":     newV2,
	"v2-check":   checkV2,
	"v2-respond": respondV2,
}

func main() {
	requests := json.NewDecoder(os.Stdin)
	answers := json.NewEncoder(os.Stdout)
	answers.SetEscapeHTML(false)
	for requests.More() {
		var r request
		if err := requests.Decode(&r); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		result, err := perform(&r)
		if err != nil {
			result = answer{"error": err.Error()}
		}
		if err := answers.Encode(result); err != nil {
			os.Exit(1)
		}
	}
}

func perform(r *request) (answer, error) {
	operation, ok := operations[r.Op]
	if !ok {
		return nil, fmt.Errorf("unknown operation %q", r.Op)
	}
	return operation(r)
}

func privateKey(r *request) (*glome.PrivateKey, error) {
	bytes, err := hex.DecodeString(r.Private)
	if err != nil {
		return nil, err
	}
	return glome.PrivateKeyFromSlice(bytes)
}

func peerKey(r *request) (*glome.PublicKey, error) {
	bytes, err := hex.DecodeString(r.Peer)
	if err != nil {
		return nil, err
	}
	return glome.PublicKeyFromSlice(bytes)
}

func yesOrNo(accepted bool) answer {
	if accepted {
		return answer{"accepted": "yes"}
	}
	return answer{"accepted": "no"}
}

func public(r *request) (answer, error) {
	private, err := privateKey(r)
	if err != nil {
		return nil, err
	}
	key, err := private.Public()
	if err != nil {
		return nil, err
	}
	return answer{"public": hex.EncodeToString(key[:])}, nil
}

func dialog(r *request, minLength uint) (*glome.Dialog, []byte, error) {
	private, err := privateKey(r)
	if err != nil {
		return nil, nil, err
	}
	peer, err := peerKey(r)
	if err != nil {
		return nil, nil, err
	}
	message, err := hex.DecodeString(r.Message)
	if err != nil {
		return nil, nil, err
	}
	d, err := private.TruncatedExchange(peer, minLength)
	return d, message, err
}

func tag(r *request) (answer, error) {
	d, message, err := dialog(r, glome.MaxTagSize)
	if err != nil {
		return nil, err
	}
	return answer{"tag": hex.EncodeToString(d.Tag(message, r.Counter))}, nil
}

func check(r *request) (answer, error) {
	d, message, err := dialog(r, r.MinLength)
	if err != nil {
		return nil, err
	}
	given, err := hex.DecodeString(r.Tag)
	if err != nil {
		return nil, err
	}
	return yesOrNo(d.Check(given, message, r.Counter)), nil
}

var clientsV1 = map[string]*v1.Client{}

func newV1(r *request) (answer, error) {
	service, err := peerKey(r)
	if err != nil {
		return nil, err
	}
	ephemeral, err := privateKey(r)
	if err != nil {
		return nil, err
	}
	var index uint8
	if r.Index != nil {
		index = *r.Index
	}
	client := v1.NewClient(*service, *ephemeral, index, uint(r.TagPrefix))
	challenge, err := client.Construct(1, r.HostIDType, r.HostID, r.Action)
	if err != nil {
		return nil, err
	}
	id := strconv.Itoa(len(clientsV1))
	clientsV1[id] = client
	return answer{"id": id, "challenge": challenge}, nil
}

func checkV1(r *request) (answer, error) {
	client, ok := clientsV1[r.ID]
	if !ok {
		return nil, fmt.Errorf("no v1 challenge %q was made here", r.ID)
	}
	accepted, err := client.ValidateAuthCode(r.Code)
	if err != nil {
		return nil, err
	}
	return yesOrNo(accepted), nil
}

// respondV1 answers with one key whatever the challenge asks for, and says what that was.
func respondV1(r *request) (answer, error) {
	private, err := privateKey(r)
	if err != nil {
		return nil, err
	}
	asked := ""
	server := v1.Server{KeyFetcher: func(prefix uint8) (*glome.PrivateKey, error) {
		asked = strconv.Itoa(int(prefix))
		return private, nil
	}}
	response, err := server.ParseURLResponse(r.Challenge)
	if err != nil {
		return nil, err
	}
	return answer{
		"hostType": response.Msg.HostIDType,
		"host":     response.Msg.HostID,
		"action":   response.Msg.Action,
		"authcode": response.EncToken(),
		"asked":    asked,
	}, nil
}

var challengesV2 = map[string]*v2.ClientChallenge{}

func newV2(r *request) (answer, error) {
	service, err := peerKey(r)
	if err != nil {
		return nil, err
	}
	challenger := v2.Challenger{PublicKey: service, KeyIndex: r.Index, MessageTagPrefixLength: r.TagPrefix}
	challenge, err := challenger.Challenge(&v2.Message{HostIDType: r.HostIDType, HostID: r.HostID, Action: r.Action})
	if err != nil {
		return nil, err
	}
	id := strconv.Itoa(len(challengesV2))
	challengesV2[id] = challenge
	return answer{"id": id, "challenge": challenge.Encode()}, nil
}

func checkV2(r *request) (answer, error) {
	challenge, ok := challengesV2[r.ID]
	if !ok {
		return nil, fmt.Errorf("no v2 challenge %q was made here", r.ID)
	}
	return yesOrNo(challenge.Verify(r.Code)), nil
}

func respondV2(r *request) (answer, error) {
	private, err := privateKey(r)
	if err != nil {
		return nil, err
	}
	if r.Index == nil {
		return nil, fmt.Errorf("no index given for the key")
	}
	responder, err := v2.NewResponder(map[uint8]*glome.PrivateKey{*r.Index: private})
	if err != nil {
		return nil, err
	}
	response, err := responder.Accept(r.Challenge)
	if err != nil {
		return nil, err
	}
	return answer{
		"hostType": response.Message.HostIDType,
		"host":     response.Message.HostID,
		"action":   response.Message.Action,
		"authcode": response.Response,
	}, nil
}
