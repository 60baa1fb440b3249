import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.OffsetDateTime;
import java.time.ZoneId;
import java.util.HashMap;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.LongAdder;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StoreQueryParameters;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.QueryableStoreTypes;
import org.apache.kafka.streams.state.Stores;

/**
 * What Panda Pack's ledger is measured against: the same topic, exactly once, exact duplicates by (merchant, id, day),
 * totals by merchant and day, both on RocksDB with change logs.
 *
 * <p>Usage: {@code java Peer BOOTSTRAP TOPIC STATE_FOLDER DONATIONS APPLICATION EVERY_MS}. It prints {@code counted N}
 * every EVERY_MS, and once N is DONATIONS, {@code totals COUNT FEN DUPLICATES CONFLICTS} as its store has them; then it ends.
 */
public final class Peer {
  private static final int THREADS = 2;
  private static final long CACHE_BYTES = 64L * 1024 * 1024;
  private static final ZoneId SHANGHAI = ZoneId.of("Asia/Shanghai");
  private static final String SHANGHAI_OFFSET = "+08:00";
  private static final int DAY_CHARACTERS = 10;
  private static final String SEEN = "seen";
  private static final String TOTALS = "totals";

  private static final LongAdder counted = new LongAdder();
  private static final LongAdder duplicates = new LongAdder();
  private static final LongAdder conflicts = new LongAdder();

  private Peer() {}

  public static void main(String[] arguments) throws InterruptedException {
    String bootstrap = arguments[0];
    String topic = arguments[1];
    long donations = Long.parseLong(arguments[3]);
    long everyMs = Long.parseLong(arguments[5]);
    CountDownLatch failed = new CountDownLatch(1);
    try (KafkaStreams streams = new KafkaStreams(topology(topic), settings(bootstrap, arguments[2], arguments[4]))) {
      streams.setUncaughtExceptionHandler(
          error -> {
            error.printStackTrace();
            failed.countDown();
            return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
          });
      streams.start();
      long last = -1;
      while (last < donations && failed.getCount() > 0) {
        last = counted.sum();
        System.out.println("counted " + last);
        Thread.sleep(everyMs);
      }
      if (failed.getCount() == 0) {
        System.exit(1);
      }
      printTotals(streams);
      streams.close(Duration.ofSeconds(10));
    }
  }

  private static Properties settings(String bootstrap, String folder, String application) {
    Properties settings = new Properties();
    settings.put(StreamsConfig.APPLICATION_ID_CONFIG, application);
    settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, bootstrap);
    settings.put(StreamsConfig.STATE_DIR_CONFIG, folder);
    settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
    settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, THREADS);
    settings.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, CACHE_BYTES);
    settings.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, 1);
    settings.put(StreamsConfig.producerPrefix(ProducerConfig.COMPRESSION_TYPE_CONFIG), "lz4");
    settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG), "earliest");
    settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.MAX_PARTITION_FETCH_BYTES_CONFIG), 8 * 1024 * 1024);
    return settings;
  }

  private static Topology topology(String topic) {
    var bytes = Serdes.ByteArray();
    return new Topology()
        .addSource("pushed", bytes.deserializer(), bytes.deserializer(), topic)
        .addProcessor("ledger", Ledger::new, "pushed")
        .addStateStore(
            Stores.keyValueStoreBuilder(Stores.persistentKeyValueStore(SEEN), Serdes.ByteArray(), Serdes.ByteArray())
                .withCachingEnabled(),
            "ledger")
        .addStateStore(
            Stores.keyValueStoreBuilder(Stores.persistentKeyValueStore(TOTALS), Serdes.String(), Serdes.ByteArray())
                .withCachingEnabled(),
            "ledger");
  }

  private static void printTotals(KafkaStreams streams) {
    long count = 0;
    long fen = 0;
    var query =
        StoreQueryParameters.fromNameAndType(TOTALS, QueryableStoreTypes.<String, byte[]>keyValueStore());
    try (KeyValueIterator<String, byte[]> cells = streams.store(query).all()) {
      while (cells.hasNext()) {
        ByteBuffer cell = ByteBuffer.wrap(cells.next().value);
        count += cell.getLong();
        fen += cell.getLong();
      }
    }
    System.out.println("totals " + count + " " + fen + " " + duplicates.sum() + " " + conflicts.sum());
  }

  /** Takes a record of a line: NDJSON. A merchant lives on one line, so nothing has to be repartitioned. */
  private static final class Ledger implements Processor<byte[], byte[], Void, Void> {
    private final JsonFactory json = new JsonFactory();
    private KeyValueStore<byte[], byte[]> seen;
    private KeyValueStore<String, byte[]> totals;

    @Override
    public void init(ProcessorContext<Void, Void> context) {
      seen = context.getStateStore(SEEN);
      totals = context.getStateStore(TOTALS);
    }

    @Override
    public void process(Record<byte[], byte[]> record) {
      // A record holds many gifts of few merchants: their cells are added up first and written once.
      Map<String, long[]> cells = new HashMap<>();
      long taken = 0;
      try (JsonParser parser = json.createParser(record.value())) {
        while (parser.nextToken() == JsonToken.START_OBJECT) {
          if (take(Gift.read(parser), cells)) {
            taken++;
          }
        }
      } catch (IOException error) {
        throw new UncheckedIOException(error);
      }
      cells.forEach(this::add);
      counted.add(taken);
    }

    private boolean take(Gift gift, Map<String, long[]> cells) {
      byte[] identity = (gift.merchant + '\n' + gift.id + '\n' + gift.day).getBytes(StandardCharsets.UTF_8);
      byte[] given = (gift.amountFen + "\n" + gift.programme).getBytes(StandardCharsets.UTF_8);
      byte[] before = seen.putIfAbsent(identity, given);
      if (before != null) {
        (java.util.Arrays.equals(before, given) ? duplicates : conflicts).increment();
        return false;
      }
      long[] cell = cells.computeIfAbsent(gift.merchant + '\n' + gift.day, name -> new long[2]);
      cell[0]++;
      cell[1] += gift.amountFen;
      return true;
    }

    private void add(String name, long[] more) {
      byte[] before = totals.get(name);
      long count = more[0];
      long fen = more[1];
      if (before != null) {
        ByteBuffer known = ByteBuffer.wrap(before);
        count += known.getLong();
        fen += known.getLong();
      }
      totals.put(name, ByteBuffer.allocate(2 * Long.BYTES).putLong(count).putLong(fen).array());
    }
  }

  private record Gift(String id, String merchant, String programme, long amountFen, String day) {
    static Gift read(JsonParser parser) throws IOException {
      String id = null;
      String merchant = null;
      String programme = null;
      String at = null;
      long amountFen = 0;
      while (parser.nextToken() == JsonToken.FIELD_NAME) {
        String name = parser.currentName();
        parser.nextToken();
        switch (name) {
          case "id" -> id = parser.getText();
          case "merchant" -> merchant = parser.getText();
          case "programme" -> programme = parser.getText();
          case "amount_fen" -> amountFen = parser.getLongValue();
          case "at" -> at = parser.getText();
          default -> parser.skipChildren();
        }
      }
      if (id == null || merchant == null || programme == null || at == null || amountFen <= 0) {
        throw new IOException("a line is no donation");
      }
      return new Gift(id, merchant, programme, amountFen, dayOf(at));
    }

    /** The day in Asia/Shanghai; a time that is written with its offset names it itself. */
    private static String dayOf(String at) {
      if (at.endsWith(SHANGHAI_OFFSET)) {
        return at.substring(0, DAY_CHARACTERS);
      }
      return OffsetDateTime.parse(at).atZoneSameInstant(SHANGHAI).toLocalDate().toString();
    }
  }
}
