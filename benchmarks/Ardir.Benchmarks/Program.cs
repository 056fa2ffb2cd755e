using Ardir.Benchmarks;
using BenchmarkDotNet.Running;

return args.FirstOrDefault() switch
{
    "overhead" => OverheadBenchmark.Run(args[1..]),
    "overhead-child" => OverheadChild.Work(args[1..]),
    "memory-child" => MemoryBenchmark.Run(args[1..]),
    "folding" => FoldingBenchmark.Run(args[1..]),
    "autoattack" => AutoAttackBenchmark.Run(args[1..]),
    "fewer" => FewerPassesBenchmark.Run(args[1..]),
    "fast" => FastBenchmark.Run(args[1..]),
    "plain" or "plain-child" => PlainBenchmark.Run(args[1..]),
    "batches" => BatchBenchmark.Run(args[1..]),
    "fuzz" => FuzzBenchmark.Run(args[1..]),
    "repair" => RepairBenchmark.Run(args[1..]),
    "soak" => SoakBenchmark.Run(args[1..]),
    "soak-child" => SoakChild.Run(args[1..]),
    "scaling" => ScalingBenchmark.Run(args[1..]),
    "scaling-child" => ScalingChild.Run(args[1..]),
    "micro" => Micro(args[1..]),
    _ => Usage(),
};

static int Micro(string[] rest)
{
    BenchmarkSwitcher.FromAssembly(typeof(OverheadBenchmark).Assembly).Run(rest);
    return 0;
}

static int Usage()
{
    Console.WriteLine("""
        overhead [--rounds N] [--network large|small] [--only PGD|NAME|time|memory] [--format contiguous|channelslast|measured] [--shards N|auto] [--search full|bfloat16] [--memory kept] [--norms folded] [--convolutions winograd] [--processes N] [--threads N] [--save FILE]
                                              PGD-10 and a training step of each objective against the raw loop, time and memory; with a memory format, with
                                              attacks on several threads, and with freed memory kept, where the raw loop has a process of its own
        folding [--rounds N] [--threads N] [--save FILE]
                                              what folding batch norms into convolutions brings for five networks
        autoattack [--images N] [--rounds N] [--only ensemble|fab|overhead] [--save FILE], and for the ensemble the settings of overhead
                                              the ensemble against the official result, cost and time, and its overhead
        fewer --fashion FOLDER [--cifar FOLDER] [--checkpoints FOLDER] [--images N] [--only NAME,NAME] [--save FILE]
                                              the ensemble with and without giving up on seven networks, which it trains: passes and broken images
        fast [--images 256|2000] [--threads N] [--save FILE]
                                              the fast version of the ensemble against the official cost and the exhaustive result
        plain [--images N] [--rounds N] [--threads N] [--only ATTACK] [--save FILE]
                                              each attack against a plain loop of 40 lines: evaluations, broken images, seconds, memory
        batches [--rounds N]                  an epoch's batches against indexing by hand
        fuzz [--inputs N] [--seed N] [--only READER] [--save FILE]
                                              every reader of files, fed with damaged and hostile ones; 100,000 by default
        repair [--rounds N] [--save FILE]     jobs with the repaired TorchSharp against the same with the package's
        soak [--seconds N] [--without-remedy] [--save FILE]
                                              attacks, evaluations and training beside threads that allocate and collect without pause; 600 s by default
        scaling [--rounds N] [--launcher mpirun] [--only training|training-local|autoattack] [--save FILE]
                                              two ranks by MPI against one, one thread each: training, AutoAttack, and what they exchange
        micro [BenchmarkDotNet arguments]     projections, losses and taps, for example: micro --filter *Projection*
        """);
    return 2;
}
