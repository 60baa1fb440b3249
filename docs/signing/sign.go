// The headers that sign a push: PANDA_SIGNING_SECRET=whsec_… go run sign.go BODY-FILE ID [SECONDS] > headers.txt

package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"log"
	"os"
	"strings"
	"time"
)

func main() {
	body, err := os.ReadFile(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	id, timestamp := os.Args[2], fmt.Sprint(time.Now().Unix())
	if len(os.Args) > 3 {
		timestamp = os.Args[3]
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(os.Getenv("PANDA_SIGNING_SECRET"), "whsec_"))
	if err != nil {
		log.Fatal(err)
	}
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%s.", id, timestamp)
	mac.Write(body)
	signature := base64.StdEncoding.EncodeToString(mac.Sum(nil))
	fmt.Printf("webhook-id: %s\nwebhook-timestamp: %s\nwebhook-signature: v1,%s\n", id, timestamp, signature)
}
