using System.CommandLine;
using Ardir.Samples;

var root = new RootCommand("Ardir samples: adversarial robustness with TorchSharp.") { QuickstartCommand.Create(), EvaluateCommand.Create(), ObserveCommand.Create(), ImportCommand.Create(), ExportCommand.Create() };
return await root.Parse(args).InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = TimeSpan.FromMinutes(2) });
