"""An RTSP server for tests: plays raw H.264 or H.265 clips one after another, for ever, in real time, over TCP.

    /usr/bin/python3 gst_rtsp_server.py PORT USER PASSWORD FPS CLOCK CLIP...    (PORT 0: any; USER "": open to all)

CLOCK is what its sender reports say of the time: so many seconds ahead of this machine, or `none`, which counts from
the beginning of the session as RFC 3550 has it for who knows no time.

Prints the port when it listens, and serves /cam. It runs on the system's Python, which has the GStreamer
bindings (Debian: gir1.2-gst-rtsp-server-1.0 python3-gi gstreamer1.0-plugins-good gstreamer1.0-plugins-bad).
Faults are made from outside: SIGKILL ends the stream, SIGSTOP stalls it, SIGCONT lets the backlog go.
"""

import itertools
import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, GObject, Gst, GstRtsp, GstRtspServer  # noqa: E402

CAPS = "video/x-{codec},stream-format=byte-stream,alignment=au"
MEDIA = (
    "( appsrc name=units is-live=true format=time block=true max-bytes=200000 caps={caps},framerate={fps}/1"
    " ! {codec}parse config-interval=-1 ! identity sync=true ! rtp{codec}pay name=pay0 pt=96 config-interval=-1 )"
)


def codec_of(clip):
    return clip.rsplit(".", 1)[1]


def access_units(clip):
    """The pictures of a raw clip, still encoded, each as bytes."""
    codec = codec_of(clip)
    line = f"filesrc location={clip} ! {codec}parse ! {CAPS.format(codec=codec)} ! appsink name=units sync=false"
    pipeline = Gst.parse_launch(line)
    pipeline.set_state(Gst.State.PLAYING)
    sink, units = pipeline.get_by_name("units"), []
    while sample := sink.emit("pull-sample"):
        buffer = sample.get_buffer()
        units.append(buffer.extract_dup(0, buffer.get_size()))
    pipeline.set_state(Gst.State.NULL)
    return units


def feed(media, units, duration):
    """Give the media its pictures as it asks for them, with times that never jump."""
    numbered = enumerate(itertools.cycle(units))

    def push(source, _length):
        number, unit = next(numbered)
        buffer = Gst.Buffer.new_wrapped(unit)
        buffer.pts = buffer.dts = number * duration
        buffer.duration = duration
        source.emit("push-buffer", buffer)

    media.get_element().get_child_by_name("units").connect("need-data", push)


def factory(clips, fps):
    units = [unit for clip in clips for unit in access_units(clip)]
    codec = codec_of(clips[0])
    made = GstRtspServer.RTSPMediaFactory()
    made.set_shared(True)
    made.set_protocols(GstRtsp.RTSPLowerTrans.TCP)
    made.set_launch(MEDIA.format(caps=CAPS.format(codec=codec), codec=codec, fps=fps))
    made.connect("media-configure", lambda _factory, media: feed(media, units, Gst.SECOND // fps))
    return made


NTP_S = 2_208_988_800
"""From 1900 to 1970."""


def set_clock(made, seconds):
    """Have the sender reports of what is made here tell another time than this machine's."""
    if seconds != "none":
        clock = GObject.new(Gst.SystemClock, clock_type=Gst.ClockType.REALTIME)
        now = clock.get_internal_time()
        clock.set_calibration(now, now + int((NTP_S + float(seconds)) * Gst.SECOND), 1, 1)
        made.set_clock(clock)

    def prepared(media):
        pipeline = media.get_element().get_parent()
        _, manager = pipeline.iterate_all_by_element_factory_name("rtpbin").next()
        manager.set_property("ntp-time-source", "running-time" if seconds == "none" else "clock-time")

    made.connect("media-configure", lambda _factory, media: media.connect("prepared", prepared))


def protect(server, made, user, password):
    auth = GstRtspServer.RTSPAuth()
    auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "viewer")
    auth.add_digest(user, password, token)
    server.set_auth(auth)
    role = "viewer, media.factory.access=(boolean)true, media.factory.construct=(boolean)true"
    made.add_role_from_structure(Gst.Structure.new_from_string(role))


def main():
    port, user, password, fps, clock, *clips = sys.argv[1:]
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(port)
    made = factory(clips, int(fps))
    set_clock(made, clock)
    if user:
        protect(server, made, user, password)
    server.get_mount_points().add_factory("/cam", made)
    if not server.attach(None):
        sys.exit(f"port {port} is taken")
    sys.stdout.write(f"{server.get_bound_port()}\n")
    sys.stdout.flush()
    GLib.MainLoop().run()


main()
