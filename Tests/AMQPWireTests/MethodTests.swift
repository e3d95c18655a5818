import AMQPWire
import Testing

@Suite struct MethodTests {
    @Test(arguments: GoldenMethods.all.indices)
    func `every method is written as the specification has it, and read back`(index: Int) throws {
        let (method, note) = GoldenMethods.all[index]
        #expect(try written { try method.encode(into: &$0) } == octets(note), "\(method.id)")
        #expect(try decodedMethod(octets(note)) == method)
    }

    @Test func `no method is missing among the golden ones`() {
        var random = RandomValues(seed: 1)
        let every = Set(random.everyMethod().map(\.id))
        #expect(every.count == 64)
        #expect(Set(GoldenMethods.all.map(\.method.id)) == every)
    }

    @Test func `every method survives the way out and back, with any values`() throws {
        var random = RandomValues(seed: Seed.value)
        for method in (0..<50).flatMap({ _ in random.everyMethod() }) {
            let octets = try written { try method.encode(into: &$0) }
            #expect(try decodedMethod(octets) == method, "MILLRACE_SEED=\(Seed.value)")
            #expect(octets.prefix(4).elementsEqual(method.id.octets))
        }
    }

    @Test func `a method cut short anywhere is an error that names it, and so is an octet too many`() throws {
        var random = RandomValues(seed: Seed.value)
        for method in random.everyMethod() + GoldenMethods.all.map(\.method) {
            let octets = try written { try method.encode(into: &$0) }
            for length in 0..<octets.count {
                let error = #expect(throws: WireError.self) { try decodedMethod(Array(octets.prefix(length))) }
                #expect(error?.kind == .truncated, "\(method), \(length) octets, MILLRACE_SEED=\(Seed.value)")
                #expect(length < 4 || error?.message.hasPrefix("\(method.id): ") == true)
            }
            let error = #expect(throws: WireError.self) { try decodedMethod(octets + [0]) }
            #expect(error?.kind == .trailing)
        }
    }

    @Test func `a method is read from its own octets only, whatever lies around them`() throws {
        var random = RandomValues(seed: Seed.value)
        for method in random.everyMethod() {
            let octets = try written { try method.encode(into: &$0) }
            let around = random.longstr() + octets + random.longstr()
            for start in 0..<(around.count - octets.count) where around[start...].starts(with: octets) {
                let read = try around[start..<(start + octets.count)].withUnsafeBytes { try Method.decode($0) }
                #expect(read == method, "MILLRACE_SEED=\(Seed.value)")
            }
        }
    }

    @Test func `octets changed at random are refused, or read as a value that is written and read the same`() throws {
        var random = RandomValues(seed: Seed.value)
        var refused = 0
        for method in (0..<200).flatMap({ _ in random.everyMethod() }) {
            var octets = try written { try method.encode(into: &$0) }
            for _ in 0...random.below(3) { octets[random.below(octets.count)] = random.octet() }
            guard let read = try? decodedMethod(octets) else {
                refused += 1
                continue
            }
            let again = try written { try read.encode(into: &$0) }
            let twice = try decodedMethod(again)
            #expect(try written { try twice.encode(into: &$0) } == again, "MILLRACE_SEED=\(Seed.value)")
        }
        #expect(refused > 0)
    }

    @Test func `random arguments behind every method's number never crash`() throws {
        var random = RandomValues(seed: Seed.value)
        let ids = random.everyMethod().map(\.id)
        var refused = 0
        for id in (0..<200).flatMap({ _ in ids }) {
            let arguments = (0..<random.below(60)).map { _ in random.octet() }
            if (try? decodedMethod(id.octets + arguments)) == nil { refused += 1 }
        }
        #expect(refused > 0)
    }

    @Test(arguments: [("003C 0063", "60.99"), ("0063 000A", "99.10"), ("0028 0029", "40.41"), ("0000 0000", "0.0")])
    func `C28: a method nobody knows is named by its numbers, and closes with 503`(note: String, name: String) {
        let error = #expect(throws: WireError.self) { try decodedMethod(octets(note)) }
        #expect(error?.kind == .unknownMethod)
        #expect(error?.message.contains(name) == true)
        #expect(error?.replyCode == .commandInvalid)
    }

    @Test func `C28: exchange.unbind-ok is 40.51`() {
        #expect(MethodID.exchangeUnbindOk == MethodID(classID: 40, methodID: 51))
    }

    @Test func `what a broker under attack was sent is refused, and the error says where`() {
        let cut = #expect(throws: WireError.self) { try decodedMethod(octets("0032 000A | 0000 05'ab'")) }
        #expect(cut?.message == "queue.declare: a short string of 5 octets at offset 7 has only 2 left")
        let latin = #expect(throws: WireError.self) {
            try decodedMethod(octets("0032 000A | 0000 02 FFFE 04 00000000"))
        }
        #expect(latin?.kind == .invalidUTF8)
        #expect(latin?.description.hasPrefix("501 FRAME_ERROR: queue.declare: ") == true)
    }

    @Test func `identifiers print the specification's name, or the numbers`() {
        #expect("\(MethodID.basicGetOk)" == "basic.get-ok")
        #expect("\(MethodID(classID: 60, methodID: 99))" == "60.99")
        #expect(Method.txCommit(TxCommit()).id == .txCommit)
    }

    @Test func `exactly publish, return, deliver and get-ok carry content`() {
        var random = RandomValues(seed: 1)
        let withContent = random.everyMethod().filter(\.hasContent).map(\.id)
        #expect(withContent == [.basicPublish, .basicReturn, .basicDeliver, .basicGetOk])
        #expect(random.everyMethod().allSatisfy { type(of: $0.value).hasContent == $0.hasContent })
    }

    @Test func `C27: adjacent bits share an octet, the first one lowest`() throws {
        let bits: [(QueueDeclare, UInt8)] = [
            (QueueDeclare(passive: true), 1), (QueueDeclare(durable: true), 2), (QueueDeclare(exclusive: true), 4),
            (QueueDeclare(autoDelete: true), 8), (QueueDeclare(noWait: true), 16),
        ]
        for (declare, bit) in bits {
            #expect(try written { try declare.encode(into: &$0) } == [0, 0, 0, bit, 0, 0, 0, 0])
        }
    }
}

extension MethodID {
    var octets: [UInt8] {
        [self.classID, self.methodID].flatMap { [UInt8($0 >> 8), UInt8(truncatingIfNeeded: $0)] }
    }
}
