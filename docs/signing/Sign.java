// The headers that sign a push: PANDA_SIGNING_SECRET=whsec_… java Sign.java BODY-FILE ID [SECONDS] > headers.txt

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Base64;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

public class Sign {
    public static void main(String[] args) throws Exception {
        byte[] body = Files.readAllBytes(Path.of(args[0]));
        String id = args[1];
        String timestamp = args.length > 2 ? args[2] : String.valueOf(Instant.now().getEpochSecond());
        String secret = System.getenv("PANDA_SIGNING_SECRET").replaceFirst("^whsec_", "");
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(Base64.getDecoder().decode(secret), "HmacSHA256"));
        mac.update((id + "." + timestamp + ".").getBytes(StandardCharsets.UTF_8));
        String signature = Base64.getEncoder().encodeToString(mac.doFinal(body));
        System.out.print("webhook-id: " + id + "\nwebhook-timestamp: " + timestamp
            + "\nwebhook-signature: v1," + signature + "\n");
    }
}
