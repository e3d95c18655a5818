import AMQPClient
import Logging
import Synchronization
import Testing

/// Whatever logger a program gives us: what strangers say comes out of it as plain text.
@Suite struct PlainLogHandlerTests {
    private final class Lines: Sendable {
        let all = Mutex<[String]>([])
    }

    /// Writes everything as it comes, as most handlers do.
    private struct RawHandler: LogHandler {
        let lines: Lines
        var metadata: Logger.Metadata = [:]
        var metadataProvider: Logger.MetadataProvider?
        var logLevel = Logger.Level.info

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { self.metadata[key] }
            set { self.metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let metadata = self.metadata.merging(event.metadata ?? [:]) { _, new in new }
            self.lines.all.withLock { $0.append("\(event.message) \(metadata)") }
        }
    }

    @Test func `message and metadata, nested ones too, are plain, and levels stay`() {
        let lines = Lines()
        var raw = Logger(label: "raw") { _ in RawHandler(lines: lines) }
        raw.logLevel = .warning
        var logger = raw.plain.plain
        let hostile = "a\u{1B}[2J\r\n\u{202E}b"
        logger[metadataKey: "job"] = "\(hostile)"
        logger.info("not this one")
        logger.warning(
            "\(hostile)",
            metadata: ["list": ["\(hostile)", ["key": "\(hostile)"]], "other": .stringConvertible(hostile)]
        )
        let all = lines.all.withLock(\.self)
        #expect(all.count == 1)
        #expect(!all.joined().unicodeScalars.contains(where: PlainText.isHidden), "\(all)")
        #expect(all.first?.hasPrefix("a\\u{1b}[2J\\r\\n\\u{202e}b ") == true)
    }
}
