using Ardir.Core;
using Ardir.Distillation;
using BenchmarkDotNet.Attributes;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Toolchains.InProcess.Emit;

namespace Ardir.Benchmarks;

/// <summary>Single operations on a CIFAR batch of 128. In process: the native library is loaded once.</summary>
[Config(typeof(Config))]
public class ProjectionBenchmarks
{
    private Tensor _images = null!;
    private Tensor _moved = null!;
    private ThreatModel _threat = null!;

    [Params(PerturbationNorm.Linf, PerturbationNorm.L2, PerturbationNorm.L1)]
    public PerturbationNorm Norm { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        set_num_threads(2);
        var streams = SampleStreams.ForSamples(1, null, 128);
        using var like = zeros(128, 3, 32, 32);
        _images = streams.Uniform(like, 0, 1);
        _moved = streams.Uniform(like, -1, 2);
        _threat = Norm switch { PerturbationNorm.Linf => ThreatModel.Linf(8 / 255.0), PerturbationNorm.L2 => ThreatModel.L2(0.5), _ => ThreatModel.L1(12) };
    }

    [Benchmark]
    public void Project() => _threat.Project(_images, _moved).Dispose();

    private sealed class Config : ManualConfig
    {
        public Config() => AddJob(Job.ShortRun.WithToolchain(InProcessEmitToolchain.Instance));
    }
}
