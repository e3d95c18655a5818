import MillraceHandler
import Testing

/// What only hand-written `init(from:)` asks of a decoder.
@Suite
struct ContainerTests {
    private enum Key: String, CodingKey { case a, b, list, nested, missing }

    @Test func `nested containers know their place`() throws {
        struct Reader: Decodable {
            var found: [String] = []
            init(from decoder: any Decoder) throws {
                let root = try decoder.container(keyedBy: Key.self)
                let nested = try root.nestedContainer(keyedBy: Key.self, forKey: .nested)
                self.found.append(try nested.decode(String.self, forKey: .a))
                var list = try root.nestedUnkeyedContainer(forKey: .list)
                #expect(list.count == 3)
                let object = try list.nestedContainer(keyedBy: Key.self)
                self.found.append("\(try object.decode(Int.self, forKey: .b))")
                var inner = try list.nestedUnkeyedContainer()
                #expect(inner.codingPath.map(\.stringValue) == ["list", "Index 1"])
                #expect(inner.codingPath.map(\.intValue) == [nil, 1])
                let isNull = try inner.decodeNil()
                #expect(isNull)
                #expect(inner.isAtEnd)
                let isListNull = try list.decodeNil()
                #expect(!isListNull)
                #expect(list.currentIndex == 2, "what is not null stays")
                self.found.append("\(try list.decode(Bool.self))")
                #expect(throws: DecodingError.self) { try list.decode(Bool.self) }
                #expect(throws: DecodingError.self) { try list.decodeNil() }
            }
        }
        let json = #"{"nested":{"a":"x"},"list":[{"b":7},[null],true]}"#
        #expect(try decode(Reader.self, json).get().found == ["x", "7", "true"])
    }

    @Test func `a failed decode of an element can be tried as another type`() throws {
        struct IntOrText: Decodable, Equatable {
            var values: [String] = []
            init(from decoder: any Decoder) throws {
                var list = try decoder.unkeyedContainer()
                while !list.isAtEnd {
                    if let number = try? list.decode(Int.self) {
                        self.values.append("\(number)")
                    } else {
                        self.values.append(try list.decode(String.self))
                    }
                }
            }
        }
        #expect(try decode(IntOrText.self, #"[1,"a",2]"#).get().values == ["1", "a", "2"])
        #expect(try decode(IntOrText.self, #"[1,[],2]"#).reason == "[1]: expected a string, got an array")
    }

    @Test func `contains, decodeNil, decodeIfPresent and allKeys`() throws {
        struct Reader: Decodable {
            init(from decoder: any Decoder) throws {
                let root = try decoder.container(keyedBy: Key.self)
                #expect(root.allKeys.map(\.rawValue) == ["b", "a"], "unknown keys are none, and each comes once")
                #expect(root.contains(.a))
                #expect(!root.contains(.missing))
                #expect(try root.decodeNil(forKey: .a))
                #expect(try !root.decodeNil(forKey: .b))
                #expect(try root.decodeIfPresent(Int.self, forKey: .a) == nil)
                #expect(try root.decodeIfPresent(Int.self, forKey: .b) == 2)
                #expect(try root.decodeIfPresent(Int.self, forKey: .missing) == nil)
                #expect(throws: DecodingError.self) { try root.decodeIfPresent(String.self, forKey: .b) }
                #expect(throws: DecodingError.self) { try root.decodeNil(forKey: .missing) }
            }
        }
        #expect(try decode(Reader.self, #"{"b":1,"a":null,"c":3,"b":2}"#).reason == nil)
    }

    @Test func `classes decode their superclass`() throws {
        class Base: Codable {
            var x: Int
            init(x: Int) { self.x = x }
        }
        final class Derived: Base {
            enum Keys: String, CodingKey { case y }
            var y = ""
            init(x: Int, y: String) {
                super.init(x: x)
                self.y = y
            }
            required init(from decoder: any Decoder) throws {
                let container = try decoder.container(keyedBy: Keys.self)
                try super.init(from: try container.superDecoder())
                self.y = try container.decode(String.self, forKey: .y)
            }
            override func encode(to encoder: any Encoder) throws {
                var container = encoder.container(keyedBy: Keys.self)
                try container.encode(self.y, forKey: .y)
                try super.encode(to: container.superEncoder())
            }
        }
        let value = try decode(Derived.self, #"{"y":"u","super":{"x":5}}"#).get()
        #expect(value.x == 5)
        #expect(value.y == "u")
        #expect(try decode(Derived.self, #"{"y":"u"}"#).reason == "super: expected an object, got null")
        #expect(try decode(Derived.self, #"{"y":"u","super":{"x":"5"}}"#).reason?.hasPrefix("super.x: ") == true)
        let sent = try Publication(json: Derived(x: 1, y: "z"), routingKey: "q")
        #expect(String(decoding: sent.body, as: UTF8.self) == #"{"y":"z","super":{"x":1}}"#)
    }

    @Test func `enums with values`() throws {
        enum Shape: Codable, Equatable {
            case circle(radius: Double)
            case none
        }
        #expect(try decode(Shape.self, #"{"circle":{"radius":2}}"#).get() == .circle(radius: 2))
        #expect(try decode(Shape.self, #"{"none":{}}"#).get() == Shape.none)
        let wrong = try decode(Shape.self, #"{"circle":{"radius":"2"}}"#).reason
        #expect(wrong == "circle.radius: expected a number, got a string")
    }

    @Test func `what a type of its own throws is a reject too`() throws {
        struct Picky: Decodable {
            init(from decoder: any Decoder) throws { throw TestError(description: "not on a Monday") }
        }
        #expect(try decode(Picky.self, "{}").reason == "payload: not on a Monday")
    }
}
