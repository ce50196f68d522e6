import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.MongoVersion;
import de.bwaldvogel.mongo.backend.AbstractMongoBackend;
import de.bwaldvogel.mongo.backend.h2.H2Backend;
import de.bwaldvogel.mongo.backend.memory.MemoryBackend;
import de.bwaldvogel.mongo.bson.Document;
import de.bwaldvogel.mongo.wire.message.MongoMessage;
import io.netty.channel.Channel;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.Set;
import java.util.function.Supplier;
import org.h2.mvstore.MVStore;

/**
 * A server for tests that speaks MongoDB's protocol: MongoDouble PORT memory|FILE
 *
 * mongo-java-server with what it lacks for the official drivers of today and for racing clients. It is not MongoDB.
 */
public final class MongoDouble {
    private static final Object TURN = new Object();
    private static final Set<String> READS = Set.of(
        "find", "getMore", "aggregate", "count", "distinct", "hello", "isMaster", "ismaster", "ping");
    /** The file, when there is one: committed before a write is acknowledged, so that a kill loses nothing. */
    private static MVStore file;

    public static void main(String[] given) throws Exception {
        int port = Integer.parseInt(given[0]);
        if (!given[1].equals("memory")) file = MVStore.open(given[1]);
        AbstractMongoBackend backend = file == null ? new InMemory() : new InFile(file);
        backend.version(new Modern());
        MongoServer server = new MongoServer(backend);
        server.bind(new InetSocketAddress("127.0.0.1", port));
        Runtime.getRuntime().addShutdownHook(new Thread(server::shutdownNow));
        System.out.println("READY");
        Thread.currentThread().join();
    }

    /** Drivers refuse servers below wire version 9; the library's own highest is 8. */
    private static final class Modern implements MongoVersion {
        @Override public List<Integer> getVersionArray() {
            return List.of(5, 0, 0);
        }

        @Override public int getWireVersion() {
            return 13;
        }
    }

    private static final class InMemory extends MemoryBackend {
        @Override public Document handleCommand(Channel channel, String database, String command, Document query) {
            return inTurn(query, () -> super.handleCommand(channel, database, known(command), query));
        }

        @Override public Document handleMessage(MongoMessage message) {
            return inTurn(message.getDocument(), () -> super.handleMessage(message));
        }
    }

    private static final class InFile extends H2Backend {
        InFile(MVStore store) {
            super(store);
        }

        @Override public Document handleCommand(Channel channel, String database, String command, Document query) {
            return inTurn(query, () -> super.handleCommand(channel, database, known(command), query));
        }

        @Override public Document handleMessage(MongoMessage message) {
            return inTurn(message.getDocument(), () -> super.handleMessage(message));
        }
    }

    private static String known(String command) {
        return command.equals("hello") ? "isMaster" : command;
    }

    /** One command at a time, and its reply copied before the next one: a reply may be the stored document itself. */
    private static Document inTurn(Document command, Supplier<Document> handle) {
        if (command.containsKey("startTransaction") || command.containsKey("autocommit")) return noTransactions();
        synchronized (TURN) {
            Document reply = handle.get().cloneDeeply();
            String name = command.isEmpty() ? "" : command.keySet().iterator().next();
            if (file != null && !READS.contains(name)) file.commit();
            if (reply.containsKey("maxWireVersion")) {
                reply.put("logicalSessionTimeoutMinutes", 30);
                reply.put("isWritablePrimary", true);
            }
            return reply;
        }
    }

    /** As a standalone MongoDB answers; the library would run the statements one by one. */
    private static Document noTransactions() {
        Document reply = new Document("ok", 0.0);
        reply.put("errmsg", "Transaction numbers are only allowed on a replica set member or mongos");
        reply.put("code", 20);
        reply.put("codeName", "IllegalOperation");
        return reply;
    }
}
