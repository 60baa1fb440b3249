// Verifies a log, read from standard input as JSON, with Go's own packages for notes and trees.
//
// Prints a line for each thing that holds, and exits 1 at the first that does not.
package main

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const height = 8

// Claim is what the log says, and what is to follow from it. Bytes are base64, tiles are by their path.
type Claim struct {
	LogKey      string
	WitnessKey  string
	Note        string
	Old         int64
	OldRoot     []byte
	Size        int64
	Root        []byte
	Index       int64
	Entry       []byte
	Inclusion   [][]byte
	Consistency [][]byte
	Tiles       map[string][]byte
}

// witness verifies cosignature/v1, which Go's package does not know.
type witness struct {
	name   string
	hash   uint32
	public ed25519.PublicKey
}

func (w witness) Name() string    { return w.name }
func (w witness) KeyHash() uint32 { return w.hash }
func (w witness) Verify(text, signature []byte) bool {
	if len(signature) != 8+ed25519.SignatureSize {
		return false
	}
	header := fmt.Sprintf("cosignature/v1\ntime %d\n", binary.BigEndian.Uint64(signature))
	return ed25519.Verify(w.public, append([]byte(header), text...), signature[8:])
}

func newWitness(key string) witness {
	parts := strings.SplitN(key, "+", 3)
	public, err := base64.StdEncoding.DecodeString(parts[2])
	must("witness key", err)
	sum := sha256.Sum256(append([]byte(parts[0]+"\n"), public...))
	hash := binary.BigEndian.Uint32(sum[:])
	if public[0] != 4 || fmt.Sprintf("%08x", hash) != parts[1] {
		fail("witness key", "its id or its algorithm is another")
	}
	return witness{parts[0], hash, ed25519.PublicKey(public[1:])}
}

// tiles reads tiles by the path that Go makes, without the height that its own logs have in it.
type tiles map[string][]byte

func (t tiles) Height() int                         { return height }
func (t tiles) SaveTiles(_ []tlog.Tile, _ [][]byte) {}
func (t tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	var found [][]byte
	for _, tile := range wanted {
		path := strings.Replace(tile.Path(), fmt.Sprintf("tile/%d/", height), "tile/", 1)
		raw, ok := t[path]
		if !ok {
			return nil, fmt.Errorf("there is no %s", path)
		}
		found = append(found, raw)
	}
	return found, nil
}

func main() {
	var claim Claim
	must("claim", json.NewDecoder(os.Stdin).Decode(&claim))

	logKey, err := note.NewVerifier(claim.LogKey)
	must("log key", err)
	opened, err := note.Open([]byte(claim.Note), note.VerifierList(logKey, newWitness(claim.WitnessKey)))
	must("note", err)
	if len(opened.Sigs) != 2 {
		fail("note", fmt.Sprintf("%d of the two signed", len(opened.Sigs)))
	}
	lines := strings.Split(opened.Text, "\n")
	if lines[1] != fmt.Sprint(claim.Size) || lines[2] != hashOf(claim.Root).String() {
		fail("note", "it has another size or root")
	}
	fmt.Println("note")

	root, old := hashOf(claim.Root), hashOf(claim.OldRoot)
	leaf := tlog.RecordHash(claim.Entry)
	must("inclusion", tlog.CheckRecord(hashesOf(claim.Inclusion), claim.Size, root, claim.Index, leaf))
	fmt.Println("inclusion")
	must("consistency", tlog.CheckTree(hashesOf(claim.Consistency), claim.Size, root, claim.Old, old))
	fmt.Println("consistency")

	reader := tlog.TileHashReader(tlog.Tree{N: claim.Size, Hash: root}, tiles(claim.Tiles))
	record, err := tlog.ProveRecord(claim.Size, claim.Index, reader)
	must("tiles", err)
	tree, err := tlog.ProveTree(claim.Size, claim.Old, reader)
	must("tiles", err)
	same("tiles", record, hashesOf(claim.Inclusion))
	same("tiles", tree, hashesOf(claim.Consistency))
	fmt.Println("tiles")
}

func same(what string, found, expected []tlog.Hash) {
	if fmt.Sprint(found) != fmt.Sprint(expected) {
		fail(what, "Go makes another proof")
	}
}

func hashOf(raw []byte) (hash tlog.Hash) {
	if copy(hash[:], raw) != tlog.HashSize {
		fail("hash", "it is too short")
	}
	return hash
}

func hashesOf(all [][]byte) []tlog.Hash {
	var hashes []tlog.Hash
	for _, raw := range all {
		hashes = append(hashes, hashOf(raw))
	}
	return hashes
}

func must(what string, err error) {
	if err != nil {
		fail(what, err.Error())
	}
}

func fail(what, why string) {
	fmt.Fprintf(os.Stderr, "%s: %s\n", what, why)
	os.Exit(1)
}
