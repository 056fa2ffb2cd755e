using Ardir.Core;

namespace Ardir.Tests;

public sealed class HostReadIntoTests
{
    [Fact]
    public void Into_CopiesTheValuesInOneCountedRead()
    {
        using var host = zeros(2, 3, ScalarType.Float64);
        using var values = arange(6, ScalarType.Float64, CPU).reshape(3, 2).requires_grad_(true);
        using var view = values.transpose(0, 1);
        var before = HostRead.Count;
        HostRead.Into(host, view).Should().BeSameAs(host);
        HostRead.Count.Should().Be(before + 1);
        HostRead.Array<double>(host).Should().Equal(0, 2, 4, 1, 3, 5);
        host.requires_grad.Should().BeFalse();
        LeakAssert.None(() => HostRead.Into(host, view));
    }
}
