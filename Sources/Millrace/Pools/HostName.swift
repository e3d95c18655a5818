import AMQPClient
import Glibc

/// This machine's name, as the broker's operators know it.
enum HostName {
    static let own: String = {
        var name = [CChar](repeating: 0, count: 256)
        guard gethostname(&name, name.count - 1) == 0 else { return "an unnamed host" }
        return String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }()
}

/// The time of day, for people.
enum WallClock {
    /// Seconds since 1970.
    static func seconds() -> UInt64 {
        #if DEBUG
            if let world = CurrentWorld.world { return UInt64(clamping: world.timeOfDay() / 1000) }
        #endif
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return UInt64(clamping: time.tv_sec)
    }

    /// Seconds that this machine's clock is ahead of UTC now.
    static func zone() -> Int64 {
        var now = time(nil)
        var parts = tm()
        return localtime_r(&now, &parts) == nil ? 0 : Int64(parts.tm_gmtoff)
    }

    /// Milliseconds since 1970.
    static func milliseconds() -> Int64 {
        #if DEBUG
            if let world = CurrentWorld.world { return world.timeOfDay() }
        #endif
        return TimeOfDay.milliseconds()
    }
}
