/// A cursor over the octets of one frame's payload.
///
/// Every read checks its bounds once and throws instead of overrunning. All numbers are big-endian, as AMQP 0-9-1 §4.2.5.1 has them. After a throw the cursor stands somewhere inside the
/// value that failed: stop reading.
@frozen
public struct WireReader {
    // Borrowed: the reader lives inside the call that lends it the octets, and copies out whatever it returns.
    @usableFromInline let bytes: UnsafeRawBufferPointer
    @usableFromInline var position: Int
    // Moves inwards while the contents of a table or array are read, so nothing inside can reach past them.
    @usableFromInline var end: Int

    /// Starts at the first of `bytes`, which must stay valid and unchanged as long as the reader is used.
    ///
    /// - Parameter bytes: The payload of a frame, or a part of it.
    @inlinable
    public init(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
        self.position = 0
        self.end = bytes.count
    }

    /// Octets read so far.
    @inlinable public var offset: Int { self.position }
    /// Octets not read yet.
    @inlinable public var remaining: Int { self.end &- self.position }
    /// Whether everything has been read.
    @inlinable public var isAtEnd: Bool { self.position == self.end }

    /// Reads one octet.
    @inlinable public mutating func readUInt8() throws(WireError) -> UInt8 { try self.readInteger() }
    /// Reads an unsigned number of 2 octets.
    @inlinable public mutating func readUInt16() throws(WireError) -> UInt16 { try self.readInteger() }
    /// Reads an unsigned number of 4 octets.
    @inlinable public mutating func readUInt32() throws(WireError) -> UInt32 { try self.readInteger() }
    /// Reads an unsigned number of 8 octets.
    @inlinable public mutating func readUInt64() throws(WireError) -> UInt64 { try self.readInteger() }
    /// Reads a signed number of 1 octet.
    @inlinable public mutating func readInt8() throws(WireError) -> Int8 { try self.readInteger() }
    /// Reads a signed number of 2 octets.
    @inlinable public mutating func readInt16() throws(WireError) -> Int16 { try self.readInteger() }
    /// Reads a signed number of 4 octets.
    @inlinable public mutating func readInt32() throws(WireError) -> Int32 { try self.readInteger() }
    /// Reads a signed number of 8 octets.
    @inlinable public mutating func readInt64() throws(WireError) -> Int64 { try self.readInteger() }

    @inlinable
    mutating func readInteger<I: FixedWidthInteger & BitwiseCopyable>() throws(WireError) -> I {
        let size = MemoryLayout<I>.size
        guard self.remaining >= size else { throw self.truncated("a number", of: size) }
        let value = self.bytes.loadUnaligned(fromByteOffset: self.position, as: I.self)
        self.position &+= size
        return I(bigEndian: value)
    }

    /// Reads a short string: one octet of length, then UTF-8.
    ///
    /// - Throws: `.truncated`, or `.invalidUTF8`.
    @inlinable
    public mutating func readShortString() throws(WireError) -> String {
        let start = self.position
        let octets = try self.readShortStringBytes()
        guard let string = String(validating: octets, as: UTF8.self) else { throw Self.invalidUTF8(at: start) }
        return string
    }

    /// Reads a short string that is only shown or compared: what is not UTF-8 in it becomes U+FFFD.
    ///
    /// RabbitMQ 3.10 cuts its reply texts inside a character, for one.
    ///
    /// - Returns: At most 255 octets of UTF-8, so that it can be written again.
    /// - Throws: `.truncated`.
    public mutating func readShortText() throws(WireError) -> String {
        let octets = try self.readShortStringBytes()
        return String(validating: octets, as: UTF8.self) ?? Self.mended(octets)
    }

    private static func mended(_ octets: UnsafeRawBufferPointer) -> String {
        var text = String(decoding: octets, as: UTF8.self)
        while text.utf8.count > 255 { text.unicodeScalars.removeLast() }
        return text
    }

    /// Reads a short string without a copy and without looking at it.
    ///
    /// - Returns: Its octets, inside the borrowed memory: valid as long as that is.
    /// - Throws: `.truncated`.
    @inlinable
    public mutating func readShortStringBytes() throws(WireError) -> UnsafeRawBufferPointer {
        let length = Int(try self.readUInt8())
        return try self.readBytes(length, of: "a short string")
    }

    /// Reads a long string: 4 octets of length, then octets of any kind.
    ///
    /// - Returns: A copy. The length is checked against what is there before anything is allocated (C30).
    /// - Throws: `.truncated`.
    public mutating func readLongString() throws(WireError) -> [UInt8] {
        let length = Int(try self.readUInt32())
        return [UInt8](try self.readBytes(length, of: "a long string"))
    }

    /// Passes over `n` octets.
    ///
    /// - Parameter n: How many; not negative.
    /// - Throws: `.truncated` if fewer are left.
    @inlinable
    public mutating func skip(_ n: Int) throws(WireError) {
        _ = try self.readBytes(n, of: "a skipped value")
    }

    @inlinable
    mutating func readBytes(_ length: Int, of what: StaticString) throws(WireError) -> UnsafeRawBufferPointer {
        guard length >= 0, length <= self.remaining else { throw self.truncated(what, of: length) }
        let start = self.position
        self.position &+= length
        return UnsafeRawBufferPointer(rebasing: self.bytes[start..<self.position])
    }

    /// Passes over everything that is left.
    mutating func skipRest() { self.position = self.end }

    // Building messages stays out of the inlined reads.
    @usableFromInline @inline(never)
    func truncated(_ what: StaticString, of size: Int) -> WireError {
        WireError(.truncated, "\(what) of \(size) octets at offset \(self.position) has only \(self.remaining) left")
    }

    @usableFromInline @inline(never)
    static func invalidUTF8(at offset: Int) -> WireError {
        WireError(.invalidUTF8, "the short string at offset \(offset) is not UTF-8")
    }
}
