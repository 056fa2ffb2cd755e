using Ardir.Mutation;

if (args is ["worker", var classes, var mutants]) return Worker.Run(classes, mutants);
if (Options.Parse(args) is not { } options)
{
    Console.Error.WriteLine(Options.Usage);
    return 2;
}
var root = Directory.GetCurrentDirectory();
while (!File.Exists(Path.Combine(root, "Ardir.Library.sln")))
    root = Path.GetDirectoryName(root) ?? throw new InvalidOperationException("Start it inside the repository.");
var plans = FolderPlan.Read(root);
if (options.Folders.Find(name => !Array.Exists(plans, plan => plan.Name == name)) is { } unknown)
{
    Console.Error.WriteLine($"There is no folder '{unknown}'; known are {string.Join(", ", plans.Select(plan => plan.Name))}.");
    return 2;
}
foreach (var plan in plans.Where(plan => options.Folders.Count == 0 || options.Folders.Contains(plan.Name)))
{
    var report = new FolderRun(root, plan, options).Run();
    Console.WriteLine(report.Row());
    foreach (var doubt in report.Doubts()) Console.WriteLine(doubt);
    if (options.Save is { } path) ResultPage.Update(path, [report], plans.Select(each => each.Name));
}
return 0;
