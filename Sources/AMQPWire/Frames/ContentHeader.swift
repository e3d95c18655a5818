/// The content header: what follows a method with content and says how long the body is.
///
/// AMQP 0-9-1 §4.2.6.1.
public struct ContentHeader: Equatable, Sendable {
    /// The class of the content: 60, `basic`; no other class has content.
    public var classID: UInt16
    /// Always 0.
    public var weight: UInt16
    /// Octets in all body frames together.
    public var bodySize: UInt64
    /// The message's properties.
    public var properties: BasicProperties

    /// Makes the header of a message.
    ///
    /// - Parameters:
    ///   - bodySize: Octets in all body frames together.
    ///   - properties: The message's properties.
    public init(bodySize: UInt64, properties: BasicProperties = BasicProperties()) {
        self.classID = Self.basicClassID
        self.weight = 0
        self.bodySize = bodySize
        self.properties = properties
    }

    @inlinable static var basicClassID: UInt16 { 60 }
    /// Octets in front of the property flags.
    @inlinable static var fixedSize: Int { 12 }

    /// Reads the payload of a header frame, all of it (C26).
    ///
    /// - Throws: `.badProperties` unless the class is 60 and the weight 0 (C24), or what is wrong with the properties.
    public static func decode(_ payload: UnsafeRawBufferPointer) throws(WireError) -> ContentHeader {
        let size = try Self.peekBodySize(payload)
        var reader = WireReader(payload)
        do {
            try reader.skip(Self.fixedSize)
            return ContentHeader(bodySize: size, properties: try BasicProperties(from: &reader))
        } catch {
            throw error.naming("content header")
        }
    }

    /// Reads the body size from the payload of a header frame, and leaves the properties unread.
    ///
    /// - Throws: `.truncated`, or `.badProperties` unless the class is 60 and the weight 0 (C24).
    @inlinable
    public static func peekBodySize(_ payload: UnsafeRawBufferPointer) throws(WireError) -> UInt64 {
        guard payload.count >= Self.fixedSize + 2 else { throw Self.truncated(payload.count) }
        let classAndWeight = UInt32(bigEndian: payload.loadUnaligned(as: UInt32.self))
        guard classAndWeight == UInt32(Self.basicClassID) << 16 else { throw Self.misplaced(classAndWeight) }
        return UInt64(bigEndian: payload.loadUnaligned(fromByteOffset: 4, as: UInt64.self))
    }

    /// Writes the payload of a header frame.
    ///
    /// - Throws: What cannot be written; a part may have been written then.
    public func encode(into buffer: inout WireBuffer) throws(WireError) {
        buffer.appendUInt16(self.classID)
        buffer.appendUInt16(self.weight)
        buffer.appendUInt64(self.bodySize)
        try self.properties.encode(into: &buffer)
    }

    @usableFromInline @inline(never)
    static func truncated(_ count: Int) -> WireError {
        WireError(.truncated, "a content header of \(Plural.of(count, "octet")); it has at least \(Self.fixedSize + 2)")
    }

    @usableFromInline @inline(never)
    static func misplaced(_ classAndWeight: UInt32) -> WireError {
        let (classID, weight) = (classAndWeight >> 16, classAndWeight & 0xFFFF)
        return WireError(.badProperties, "a content header of class \(classID), weight \(weight); only 60 and 0 exist")
    }
}
