import AMQPClient
import AMQPWire

/// By what a message is known again in this process when a copy of it comes in its place: what a copy keeps of its
/// original, and none of what the broker or we write on it.
enum MessageIdentity {
    static func of(_ record: ContentRecord, _ block: Block) -> Fingerprint {
        var hasher = FingerprintHasher(seed: .ofProcess)
        let properties = Self.properties(block.slice(record.headerOffset, record.headerLength))
        for text in [
            properties.messageID, properties.correlationID, properties.type, properties.replyTo, properties.appID,
            properties.contentType, properties.contentEncoding,
        ] {
            var text = text ?? ""
            text.withUTF8 { hasher.add(UnsafeRawBufferPointer($0)) }
        }
        hasher.add(properties.timestamp ?? 0, 0)
        hasher.add(block.slice(record.bodyOffset, record.bodyLength))
        return hasher.fingerprint
    }

    /// None of a header that does not decode.
    private static func properties(_ header: UnsafeRawBufferPointer) -> BasicProperties {
        var reader = WireReader(header)
        do throws(WireError) {
            try reader.skip(12)
            return try BasicProperties(from: &reader)
        } catch {
            return BasicProperties()
        }
    }

    /// Whether the header frame holds headers of ours: it may be a copy.
    static func isCopy(_ record: ContentRecord, _ block: Block) -> Bool {
        let header = block.slice(record.headerOffset, record.headerLength)
        guard header.count > 14, header[12] & 0x20 != 0 else { return false }
        return header.contains("millrace-")
    }
}
