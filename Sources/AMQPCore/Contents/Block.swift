import AMQPWire

/// Octets that were read, and what keeps them alive: a read buffer that many deliveries share, or the
/// memory of one content.
// @unchecked Sendable: the octets are not written again while `owner` is held.
package struct Block: @unchecked Sendable {
    package let bytes: UnsafeRawBufferPointer
    package let owner: AnyObject

    package init(bytes: UnsafeRawBufferPointer, owner: AnyObject) {
        self.bytes = bytes
        self.owner = owner
    }

    package init(_ storage: ContentStorage) {
        self.init(bytes: UnsafeRawBufferPointer(storage.bytes), owner: storage)
    }

    @inline(__always)
    package func slice(_ offset: UInt32, _ length: UInt32) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: self.bytes[Int(offset)..<Int(offset) + Int(length)])
    }
}

/// Where one content lies in its block, and the fixed part of its method.
///
/// Plain data: no reference, nothing decoded.
package struct ContentRecord: Sendable {
    package var deliveryTag: UInt64
    package var methodOffset: UInt32
    package var methodLength: UInt32
    package var headerOffset: UInt32
    package var headerLength: UInt32
    package var bodyOffset: UInt32
    package var bodyLength: UInt32
    package var redelivered: Bool

    /// The record of a content in memory of its own.
    package init(_ storage: ContentStorage, deliveryTag: UInt64, redelivered: Bool) {
        self.deliveryTag = deliveryTag
        self.methodOffset = 0
        self.methodLength = UInt32(storage.methodLength)
        self.headerOffset = UInt32(storage.methodLength)
        self.headerLength = UInt32(storage.headerLength)
        self.bodyOffset = UInt32(storage.bodyOffset)
        self.bodyLength = UInt32(storage.bodyLength)
        self.redelivered = redelivered
    }

    @inline(__always)
    package init(
        deliveryTag: UInt64,
        redelivered: Bool,
        method: Range<Int>,
        header: Range<Int>,
        body: Range<Int>
    ) {
        self.deliveryTag = deliveryTag
        self.methodOffset = UInt32(truncatingIfNeeded: method.lowerBound)
        self.methodLength = UInt32(truncatingIfNeeded: method.count)
        self.headerOffset = UInt32(truncatingIfNeeded: header.lowerBound)
        self.headerLength = UInt32(truncatingIfNeeded: header.count)
        self.bodyOffset = UInt32(truncatingIfNeeded: body.lowerBound)
        self.bodyLength = UInt32(truncatingIfNeeded: body.count)
        self.redelivered = redelivered
    }
}

/// Deliveries of one read for one channel.
package struct DeliveryBatch: Sendable {
    package let block: Block
    package var records: ContiguousArray<ContentRecord>
    /// Octets that it stands for where memory is bounded: of its contents, 256 at least for each.
    package let weight: Int
    /// When it was read, in nanoseconds of the monotonic clock; 0 if nobody knows.
    package let arrivedAt: UInt64

    package init(block: Block, records: ContiguousArray<ContentRecord>, arrivedAt: UInt64 = 0) {
        self.arrivedAt = arrivedAt
        self.block = block
        self.records = records
        var weight = 0
        for record in records {
            weight += max(Int(record.methodLength) + Int(record.headerLength) + Int(record.bodyLength), 256)
        }
        self.weight = weight
    }
}
