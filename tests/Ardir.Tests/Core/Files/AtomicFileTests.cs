using Ardir.Core;

namespace Ardir.Tests;

public sealed class AtomicFileTests
{
    // /dev/shm holds regular files, which must not be written in place as devices are.
    [Fact]
    public void Write_EmptyRegularFileBelowDev_KeepsItWhenTheWriterFails()
    {
        if (!Directory.Exists("/dev/shm")) return;
        var path = $"/dev/shm/ardir-{Guid.NewGuid():N}";
        File.WriteAllBytes(path, []);
        try
        {
            var fail = () => AtomicFile.Write(path, stream =>
            {
                stream.Write([1, 2, 3]);
                stream.Flush();
                throw new InvalidDataException("on purpose");
            });
            fail.Should().Throw<InvalidDataException>();
            File.ReadAllBytes(path).Should().BeEmpty();
            AtomicFile.Write(path, stream => stream.Write([4]));
            File.ReadAllBytes(path).Should().Equal(4);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void Write_Device_WritesToItAndLeavesIt()
    {
        if (!File.Exists("/dev/null")) return;
        var told = false;
        AtomicFile.Write("/dev/null", stream => { stream.Write([1]); told = true; });
        told.Should().BeTrue();
        File.ReadAllBytes("/dev/null").Should().BeEmpty();
        Directory.EnumerateFiles("/dev", ".null*").Should().BeEmpty();
    }
}
