import AMQPWire

/// The codec against any octets: it reads or refuses them, and what it read it can write and read again.
///
/// The first octet says what the rest is: a method's payload, a content header's, a field table, or a stream of frames.
package enum DecoderFuzz {
    /// - Returns: Whether the octets could be read.
    @discardableResult
    package static func run(_ input: UnsafeRawBufferPointer) throws(Finding) -> Bool {
        guard let first = input.first else { return false }
        let octets = UnsafeRawBufferPointer(rebasing: input[1...])
        switch first % 4 {
        case 0: return try Self.method(octets)
        case 1: return try Self.header(octets)
        case 2: return try Self.table(octets)
        default: return try ReaderFuzz.run(octets, cut: first)
        }
    }

    private static func method(_ octets: UnsafeRawBufferPointer) throws(Finding) -> Bool {
        // An octet of a broker's text that is not UTF-8 becomes the three of U+FFFD.
        try Self.roundTrip(
            octets,
            growth: 3,
            read: { (octets) throws(WireError) in try Method.decode(octets) },
            write: { (method, buffer) throws(WireError) in try method.encode(into: &buffer) }
        )
    }

    private static func header(_ octets: UnsafeRawBufferPointer) throws(Finding) -> Bool {
        try Self.roundTrip(
            octets,
            read: { (octets) throws(WireError) in try ContentHeader.decode(octets) },
            write: { (header, buffer) throws(WireError) in try header.encode(into: &buffer) }
        )
    }

    private static func table(_ octets: UnsafeRawBufferPointer) throws(Finding) -> Bool {
        let isTable = try Self.roundTrip(
            octets,
            read: { (octets) throws(WireError) in
                var reader = WireReader(octets)
                return try reader.readTable()
            },
            write: { (table, buffer) throws(WireError) in try buffer.appendTable(table) }
        )
        let hasCome = try Self.tableAsItCame(octets)
        return isTable || hasCome
    }

    /// Whatever is in it, it is written back octet for octet.
    private static func tableAsItCame(_ octets: UnsafeRawBufferPointer) throws(Finding) -> Bool {
        var buffer = WireBuffer()
        var reader = WireReader(octets)
        let table: FieldTable
        do throws(WireError) {
            table = try reader.readTableAsItCame()
        } catch {
            return false
        }
        do throws(WireError) {
            try buffer.appendTable(table)
        } catch {
            throw Finding("a table that was read as it came can not be written: \(error)")
        }
        guard buffer.withUnsafeBytes({ $0.elementsEqual(octets[..<reader.offset]) }) else {
            throw Finding("a table that was read as it came is written in another way")
        }
        return true
    }

    /// Octets are compared, not values: a NaN is no equal of its own.
    private static func roundTrip<Value>(
        _ octets: UnsafeRawBufferPointer,
        growth: Int = 1,
        read: (UnsafeRawBufferPointer) throws(WireError) -> Value,
        write: (Value, inout WireBuffer) throws(WireError) -> Void
    ) throws(Finding) -> Bool {
        var once = WireBuffer()
        var twice = WireBuffer()
        let value: Value
        do throws(WireError) {
            value = try read(octets)
        } catch {
            return false
        }
        do throws(WireError) {
            try write(value, &once)
            let again = try once.withUnsafeBytes { (octets) throws(WireError) in try read(octets) }
            try write(again, &twice)
        } catch {
            throw Finding("what was read can not be written and read again: \(error)")
        }
        let first = once.withUnsafeBytes { [UInt8]($0) }
        guard first == twice.withUnsafeBytes({ [UInt8]($0) }) else { throw Finding("read again it is another value") }
        guard first.count <= growth * octets.count else {
            throw Finding("\(octets.count) octets became \(first.count)")
        }
        return true
    }
}
