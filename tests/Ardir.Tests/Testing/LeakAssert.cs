namespace Ardir.Tests;

/// <summary>Exact count of the tensors that an action leaves alive on this thread.</summary>
internal static class LeakAssert
{
    public static void None(Action action, int runs = 3)
    {
        action();   // what is created once, such as a batch norm's counters, is no leak
        var statistics = DisposeScopeManager.Statistics;
        statistics.Reset();
        for (var run = 0; run < runs; run++) action();
        statistics.TensorStatistics.ThreadTotalLiveCount.Should().Be(0, "{0} runs must leave no tensor behind", runs);
    }
}
