/// Owned, growable memory that frames are written into, big-endian, and taken from at the front.
///
/// One owner, no reference counts, no copies on write: it is moved or borrowed, and frees itself. Positions count from
/// the first octet not yet removed.
@frozen
public struct WireBuffer: ~Copyable {
    // Owned, from `allocate`, freed in `deinit`; nil until the first octet is asked for.
    @usableFromInline var base: UnsafeMutableRawPointer?
    @usableFromInline var capacity: Int
    @usableFromInline var head: Int
    @usableFromInline var tail: Int

    /// Makes an empty buffer.
    ///
    /// - Parameter capacity: Octets to have room for from the start. 0 allocates nothing yet.
    public init(capacity: Int = 0) {
        self.base = capacity > 0 ? .allocate(byteCount: capacity, alignment: 16) : nil
        self.capacity = Swift.max(capacity, 0)
        self.head = 0
        self.tail = 0
    }

    deinit { self.base?.deallocate() }

    /// Octets held.
    @inlinable public var count: Int { self.tail &- self.head }
    /// Whether it holds nothing.
    @inlinable public var isEmpty: Bool { self.tail == self.head }

    /// Makes room for `more` octets behind those held, so that appending them does not allocate again.
    @inlinable
    public mutating func reserve(_ more: Int) {
        if self.capacity &- self.tail < more { self.makeRoom(more) }
    }

    @usableFromInline @inline(never)
    mutating func makeRoom(_ more: Int) {
        precondition(more >= 0, "a negative number of octets")
        let held = self.count
        // Worth moving only if what was removed is at least what is held: so each octet moves a bounded number of times.
        if let base = self.base, self.head >= held, self.capacity - held >= more {
            base.copyMemory(from: base + self.head, byteCount: held)
        } else {
            let wanted = Swift.max(held + more, self.capacity * 2, 64)
            let fresh = UnsafeMutableRawPointer.allocate(byteCount: wanted, alignment: 16)
            if let base = self.base {
                fresh.copyMemory(from: base + self.head, byteCount: held)
                base.deallocate()
            }
            self.base = fresh
            self.capacity = wanted
        }
        self.head = 0
        self.tail = held
    }

    /// Makes room for `size` octets, counts them as held, and returns where they begin: write all of them at once.
    @inlinable
    mutating func extend(by size: Int) -> UnsafeMutableRawPointer {
        self.reserve(size)
        let start = self.tail
        self.tail &+= size
        // `reserve` has just allocated, and every caller asks for at least one octet.
        return self.base.unsafelyUnwrapped + start
    }

    @inlinable
    mutating func appendInteger<I: FixedWidthInteger & BitwiseCopyable>(_ value: I) {
        self.extend(by: MemoryLayout<I>.size).storeBytes(of: value.bigEndian, as: I.self)
    }

    /// Appends one octet.
    @inlinable public mutating func append(_ v: UInt8) { self.appendInteger(v) }
    /// Appends 2 octets, the high one first.
    @inlinable public mutating func appendUInt16(_ v: UInt16) { self.appendInteger(v) }
    /// Appends 4 octets, the highest first.
    @inlinable public mutating func appendUInt32(_ v: UInt32) { self.appendInteger(v) }
    /// Appends 8 octets, the highest first.
    @inlinable public mutating func appendUInt64(_ v: UInt64) { self.appendInteger(v) }

    /// Appends a copy of `bytes`, which must not lie inside this buffer.
    @inlinable
    public mutating func append(bytes: UnsafeRawBufferPointer) {
        guard let source = bytes.baseAddress, bytes.count > 0 else { return }
        self.extend(by: bytes.count).copyMemory(from: source, byteCount: bytes.count)
    }

    /// Appends the octets of a collection.
    @inlinable
    public mutating func append(contentsOf octets: some Collection<UInt8>) {
        let start = self.count
        self.reserve(octets.count)
        let copied: Void? = octets.withContiguousStorageIfAvailable { self.append(bytes: UnsafeRawBufferPointer($0)) }
        guard copied == nil else { return }
        self.truncate(to: start)
        for octet in octets { self.append(octet) }
    }

    /// Appends what another buffer holds, and leaves that one as it is.
    public mutating func append(_ other: borrowing WireBuffer) {
        other.withUnsafeBytes { self.append(bytes: $0) }
    }

    /// Writes 4 octets over ones already there: for lengths that are known last.
    ///
    /// - Parameters:
    ///   - v: The number.
    ///   - position: Where, counted from the first octet held; all 4 must be held.
    @inlinable
    public mutating func overwriteUInt32(_ v: UInt32, at position: Int) {
        precondition(position >= 0 && position &+ 4 <= self.count, "overwriting octets that are not held")
        self.base.unsafelyUnwrapped.storeBytes(
            of: v.bigEndian,
            toByteOffset: self.head &+ position,
            as: UInt32.self
        )
    }

    /// Forgets the last octets until `count` are left: for undoing an encode that failed.
    @inlinable
    public mutating func truncate(to count: Int) {
        precondition(count >= 0 && count <= self.count, "truncating to more than is held")
        self.tail = self.head &+ count
    }

    /// Takes `n` octets off the front.
    ///
    /// Nothing is moved; the memory is used again later.
    @inlinable
    public mutating func removeFirst(_ n: Int) {
        precondition(n >= 0 && n <= self.count, "removing more than is held")
        self.head &+= n
        if self.head == self.tail { self.removeAll() }
    }

    /// Takes octets out of the middle; what follows moves up.
    ///
    /// - Parameter range: Which, counted from the first octet held.
    package mutating func removeSubrange(_ range: Range<Int>) {
        precondition(range.lowerBound >= 0 && range.upperBound <= self.count, "removing more than is held")
        guard let base = self.base, !range.isEmpty else { return }
        let start = base + self.head
        (start + range.lowerBound)
            .copyMemory(from: start + range.upperBound, byteCount: self.count - range.upperBound)
        self.tail &-= range.count
    }

    /// Empties it, and keeps the memory.
    @inlinable
    public mutating func removeAll() {
        self.head = 0
        self.tail = 0
    }

    /// Lends all octets held, in order, for as long as `body` runs.
    @inlinable
    public func withUnsafeBytes<R: ~Copyable, E: Error>(
        _ body: (UnsafeRawBufferPointer) throws(E) -> R
    ) throws(E) -> R {
        guard let base = self.base else { return try body(UnsafeRawBufferPointer(start: nil, count: 0)) }
        return try body(UnsafeRawBufferPointer(start: base + self.head, count: self.count))
    }
}

// One owner at a time, enforced by ~Copyable: moving it to another thread moves the memory with it.
extension WireBuffer: @unchecked Sendable {}
