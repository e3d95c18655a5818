import AMQPClient
import AMQPWire

/// Deliveries as a channel gives them out, made by a test.
enum FakeDelivery {
    /// One in memory of its own: exchange "", key "work".
    static func content(_ body: String, headers: FieldTable? = nil, user: String? = nil) throws -> ContentStorage {
        let method: [UInt8] = [0, 60, 0, 60, 1, 99, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 4] + Array("work".utf8)
        var buffer = WireBuffer()
        let properties = BasicProperties(headers: headers, userID: user)
        try ContentHeader(bodySize: UInt64(body.utf8.count), properties: properties).encode(into: &buffer)
        let header = buffer.withUnsafeBytes { Array($0) }
        let storage = method.withUnsafeBytes { method in
            header.withUnsafeBytes { ContentStorage(method: method, header: $0, bodyLength: body.utf8.count) }
        }
        for (index, octet) in body.utf8.enumerated() { storage.bytes[storage.bodyOffset + index] = octet }
        return storage
    }

    static func one(
        _ body: String,
        tag: UInt64 = 1,
        redelivered: Bool = false,
        headers: FieldTable? = nil
    ) throws -> (record: ContentRecord, block: Block) {
        let storage = try self.content(body, headers: headers)
        return (ContentRecord(storage, deliveryTag: tag, redelivered: redelivered), Block(storage))
    }

    /// A batch of deliveries with these tags; all have the same octets.
    static func batch(_ tags: ClosedRange<UInt64>, redelivered: Set<UInt64> = []) throws -> DeliveryBatch {
        let storage = try self.content("x")
        let records = tags.map { ContentRecord(storage, deliveryTag: $0, redelivered: redelivered.contains($0)) }
        return DeliveryBatch(block: Block(storage), records: ContiguousArray(records))
    }
}
